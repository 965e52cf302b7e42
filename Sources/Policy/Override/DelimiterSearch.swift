// Finding a multipart delimiter in content as it streams. An upload is nearly all content of
// files, and forwarding costs about as much as copying it, so looking at every byte is too dear:
// only every m - 3rd position of a delimiter of m bytes is looked at, and four bytes from there.
// Whatever contains the delimiter contains one of its groups of four at such a position.

internal import HTTPSyntax

/// Searches for `--boundary` in constant space: 150 bytes, and 8 KiB of stack during a call.
@safe struct DelimiterSearch: ~Copyable {
    /// A boundary has at most 70 characters (RFC 2046 §5.1.1).
    static let longestBoundary = 70
    private static let longest = longestBoundary + 2
    /// Shorter delimiters are searched byte by byte.
    private static let shortest = 8
    /// So much is searched byte by byte before a table is made: parts are short or long.
    private static let patience = 512

    private let delimiter: UnsafeMutablePointer<UInt8>
    /// By the number of bytes that match: how many still do where the next one does not.
    private let fallback: UnsafeMutablePointer<UInt8>
    private let length: Int
    /// How many of the delimiter's bytes the last bytes were.
    private var matched = 0
    /// A table has found nothing since the last delimiter: the part is long.
    private var isFar = false

    /// Takes a boundary of 1 to 70 bytes.
    init(boundary: ByteView) {
        precondition((1...Self.longestBoundary).contains(boundary.count), "no boundary")
        unsafe delimiter = .allocate(capacity: Self.longest)
        unsafe fallback = .allocate(capacity: Self.longest)
        length = boundary.count + 2
        unsafe delimiter.update(repeating: UInt8(ascii: "-"), count: 2)
        unsafe (delimiter + 2).update(from: boundary.base, count: boundary.count)
        fillFallback()
    }

    deinit {
        unsafe delimiter.deallocate()
        unsafe fallback.deallocate()
    }

    /// Bytes of the delimiter, the dashes in front included.
    var count: Int { length }

    private var view: ByteView { unsafe ByteView(base: delimiter, count: length) }

    /// The failure function of Knuth, Morris and Pratt.
    private func fillFallback() {
        unsafe fallback[0] = 0
        var shorter = 0
        for index in 1..<length {
            // Every index is below the length, which is not beyond the capacity.
            while shorter > 0, unsafe delimiter[index] != delimiter[shorter] {
                shorter = unsafe Int(fallback[shorter - 1])
            }
            if unsafe delimiter[index] == delimiter[shorter] { shorter += 1 }
            unsafe fallback[index] = UInt8(shorter)
        }
    }

    /// Takes one byte; whether a delimiter ends with it.
    mutating func take(_ byte: UInt8) -> Bool {
        // matched is below the length.
        while matched > 0, unsafe delimiter[matched] != byte {
            matched = unsafe Int(fallback[matched - 1])
        }
        if unsafe delimiter[matched] == byte { matched += 1 }
        guard matched == length else { return false }
        matched = 0
        isFar = false
        return true
    }

    /// Takes bytes from `offset` on up to the end of the next delimiter, or all of them; whether
    /// there was one. `offset` moves behind what was taken.
    mutating func skip(_ bytes: ByteView, _ offset: inout Int) -> Bool {
        let start = offset
        let isLong = length >= Self.shortest && bytes.count - start >= 2 * Self.patience
        // What has begun in earlier bytes is found byte by byte in any case.
        let isFirst = !isFar || matched > 0
        let end = isLong ? start + (isFirst ? Self.patience : 0) : bytes.count
        if skipEach(bytes, &offset, to: end) { return true }
        guard isLong else { return false }
        // Of what began in earlier bytes nothing is undecided; what has begun here is found again.
        offset -= matched
        matched = 0
        if let found = GroupTable.with(view, { find($0, in: bytes, from: offset) }) {
            offset = found + length
            isFar = false
            return true
        }
        isFar = true
        // One may still begin in the last bytes.
        offset = bytes.count - (length - 1)
        return skipEach(bytes, &offset, to: bytes.count)
    }

    private mutating func skipEach(
        _ bytes: ByteView, _ offset: inout Int, to end: Int
    ) -> Bool {
        while offset < end {
            if matched == 0 {
                offset = ByteSearch.first(of: 0x2d, or: 0x2d, in: bytes, from: offset)
                guard offset < end else {
                    offset = end
                    return false
                }
            }
            offset += 1
            if take(bytes[offset - 1]) { return true }
        }
        return false
    }

    /// Where the first whole delimiter at or after `start` begins.
    private func find(_ table: GroupTable, in bytes: ByteView, from start: Int) -> Int? {
        let stride = length &- 3
        let last = bytes.count &- 4
        var position = start &+ length &- 4
        while true {
            position = table.firstFour(in: bytes, from: position, by: stride)
            for _ in 0..<4 {
                guard position <= last else { return nil }
                let found = delimiter(table, in: bytes, with: position, notBefore: start)
                if let found { return found }
                position &+= stride
            }
        }
    }

    /// The first delimiter that has the group at `position`, which is in `bytes`, if there is one.
    @inline(__always) private func delimiter(
        _ table: GroupTable, in bytes: ByteView, with position: Int, notBefore start: Int
    ) -> Int? {
        let place = unsafe table.place(of: bytes.base, position)
        if place == 0 { return nil }
        if place != GroupTable.several {
            let offset = position &- (Int(place) &- 1)
            return isDelimiter(bytes, at: offset, notBefore: start) ? offset : nil
        }
        // The last place in the delimiter is that of the first delimiter in the bytes.
        for index in 0..<table.sharedCount {
            let offset = position &- table.shared(index)
            if isDelimiter(bytes, at: offset, notBefore: start) { return offset }
        }
        return nil
    }

    @inline(__always) private func isDelimiter(
        _ bytes: ByteView, at offset: Int, notBefore start: Int
    ) -> Bool {
        guard offset >= start, offset <= bytes.count &- length else { return false }
        // It has at least eight bytes. Delimiters begin with dashes; they differ at the end.
        let end = length &- 8
        return unsafe Self.load(bytes.base, offset &+ end) == Self.load(delimiter, end)
            && bytes.slice(offset, length).equals(view)
    }

    private static func load(_ base: UnsafePointer<UInt8>, _ offset: Int) -> UInt64 {
        unsafe UnsafeRawPointer(base).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

/// Where a group of four bytes stands in a delimiter, by a hash of it.
@safe private struct GroupTable {
    /// More than one place, or another group with the same hash.
    static let several: UInt8 = 255
    private static let size = 8192

    private let places: UnsafeMutablePointer<UInt8>
    /// Behind the table: the places whose group has the hash of another one, last ones first.
    private(set) var sharedCount = 0

    /// Lends the table of a delimiter of 4 to 72 bytes.
    @inline(__always) static func with<Result>(
        _ delimiter: ByteView, _ body: (GroupTable) -> Result
    ) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size + 72) { buffer in
            unsafe buffer.initialize(repeating: 0)
            guard let base = buffer.baseAddress else { preconditionFailure("no table") }
            return body(unsafe GroupTable(delimiter, places: base))
        }
    }

    /// `places` are all 0, and as many as the table and a delimiter have bytes.
    private init(_ delimiter: ByteView, places: UnsafeMutablePointer<UInt8>) {
        unsafe self.places = places
        let last = delimiter.count - 4
        // Each group ends within the delimiter.
        for index in 0...last {
            let hash = unsafe Self.hash(delimiter.base, index)
            let isFree = unsafe places[hash] == 0
            unsafe places[hash] = isFree ? UInt8(index + 1) : Self.several
        }
        for index in (0...last).reversed() {
            guard unsafe place(of: delimiter.base, index) == Self.several else { continue }
            unsafe places[Self.size + sharedCount] = UInt8(index)
            sharedCount += 1
        }
    }

    /// One of the places whose group has the hash of another one; `index` is below their count.
    @inline(__always) func shared(_ index: Int) -> Int {
        unsafe Int(places[Self.size &+ index])
    }

    /// The first of four positions, from `start` on, of which one may have a group of the
    /// delimiter; or where fewer than four are left.
    @inline(never) func firstFour(in bytes: ByteView, from start: Int, by stride: Int) -> Int {
        // One address for each of the four, and one index for all: so they stay in registers.
        let first = unsafe bytes.base
        let second = unsafe first + stride
        let third = unsafe second + stride
        let fourth = unsafe third + stride
        // The last one of four is then at most four bytes before the end.
        let last = bytes.count &- 4 &- 3 &* stride
        var position = start
        while position <= last {
            var found = unsafe place(of: first, position) | place(of: second, position)
            unsafe found |= place(of: third, position) | place(of: fourth, position)
            if found != 0 { break }
            position &+= 4 &* stride
        }
        return position
    }

    /// One more than the place of the four bytes at `offset`, which must be there; 0 where they
    /// are in no delimiter. They may still be another group.
    @inline(__always) func place(of base: UnsafePointer<UInt8>, _ offset: Int) -> UInt8 {
        // The hash is below the table's size.
        unsafe places[Self.hash(base, offset)]
    }

    /// 13 bits.
    @inline(__always) private static func hash(
        _ base: UnsafePointer<UInt8>, _ offset: Int
    ) -> Int {
        let group = unsafe UnsafeRawPointer(base)
            .loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Int((group &* 0x9e37_79b1) &>> 19)
    }
}
