// Finding a multipart delimiter in content as it streams. An upload is nearly all content of
// files, and forwarding costs about as much as copying it, so looking at every byte is too dear:
// only every m - 3rd position of a delimiter of m bytes is looked at, and four bytes from there.
// Whatever contains the delimiter contains one of its groups of four at such a position.

internal import HTTPSyntax

/// Searches for `--boundary` in constant space: 150 bytes, and 4 KiB of stack during a call.
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
        return true
    }

    /// Takes bytes from `offset` on up to the end of the next delimiter, or all of them; whether
    /// there was one. `offset` moves behind what was taken.
    mutating func skip(_ bytes: ByteView, _ offset: inout Int) -> Bool {
        let start = offset
        let isLong = length >= Self.shortest && bytes.count - start >= 2 * Self.patience
        let end = isLong ? start + Self.patience : bytes.count
        if skipEach(bytes, &offset, to: end) { return true }
        guard isLong else { return false }
        // Of what began in earlier bytes nothing is undecided; what has begun here is found again.
        offset -= matched
        matched = 0
        if let found = GroupTable.with(view, { find($0, in: bytes, from: offset) }) {
            offset = found + length
            return true
        }
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
        let base = unsafe bytes.base
        let stride = length &- 3
        var position = start &+ length &- 4
        let last = bytes.count &- 4
        while position &+ 3 &* stride <= last {
            // Four positions, the last of which is at most four bytes before the end.
            let first = unsafe table.place(of: base, position)
            let second = unsafe table.place(of: base, position &+ stride)
            let third = unsafe table.place(of: base, position &+ 2 &* stride)
            let fourth = unsafe table.place(of: base, position &+ 3 &* stride)
            if first | second | third | fourth != 0 {
                for step in 0..<4 {
                    let found = delimiter(
                        table, in: bytes, with: position &+ step &* stride, notBefore: start)
                    if let found { return found }
                }
            }
            position &+= 4 &* stride
        }
        while position <= last {
            let found = delimiter(table, in: bytes, with: position, notBefore: start)
            if let found { return found }
            position &+= stride
        }
        return nil
    }

    /// The delimiter that has the group at `position`, if there is one.
    @inline(__always) private func delimiter(
        _ table: GroupTable, in bytes: ByteView, with position: Int, notBefore start: Int
    ) -> Int? {
        // The caller has made sure that four bytes are there.
        let place = unsafe table.place(of: bytes.base, position)
        if place == 0 { return nil }
        if place == GroupTable.several {
            return delimiter(in: bytes, around: position, notBefore: start)
        }
        let offset = position &- (Int(place) &- 1)
        guard offset >= start, offset <= bytes.count &- length, isDelimiter(bytes, at: offset)
        else { return nil }
        return offset
    }

    /// The same where the group stands in several places of a delimiter.
    @inline(never) private func delimiter(
        in bytes: ByteView, around position: Int, notBefore start: Int
    ) -> Int? {
        let base = unsafe bytes.base
        // A delimiter has at least eight bytes; a loaded one ends where it does.
        let end = unsafe Self.load(delimiter, length &- 8)
        let last = min(position, bytes.count &- length)
        var offset = max(start, position &- (length &- 4))
        while offset <= last {
            if unsafe Self.load(base, offset &+ length &- 8) == end,
                isDelimiter(bytes, at: offset)
            {
                return offset
            }
            offset &+= 1
        }
        return nil
    }

    private func isDelimiter(_ bytes: ByteView, at offset: Int) -> Bool {
        bytes.slice(offset, length).equals(view)
    }

    private static func load(_ base: UnsafePointer<UInt8>, _ offset: Int) -> UInt64 {
        unsafe UnsafeRawPointer(base).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

/// Where a group of four bytes stands in a delimiter, by a hash of it.
@safe private struct GroupTable {
    /// More than one place, or another group with the same hash.
    static let several: UInt8 = 255
    private static let size = 4096

    private let places: UnsafeMutablePointer<UInt8>

    /// Lends the table of a delimiter of at least four bytes.
    @inline(__always) static func with<Result>(
        _ delimiter: ByteView, _ body: (GroupTable) -> Result
    ) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: size) { buffer in
            unsafe buffer.initialize(repeating: 0)
            guard let base = buffer.baseAddress else { preconditionFailure("no table") }
            let table = unsafe GroupTable(places: base)
            for index in 0...(delimiter.count - 4) {
                // The group ends within the delimiter.
                let hash = unsafe hash(delimiter.base, index)
                let isFree = unsafe base[hash] == 0
                unsafe base[hash] = isFree ? UInt8(index + 1) : several
            }
            return body(table)
        }
    }

    private init(places: UnsafeMutablePointer<UInt8>) { unsafe self.places = places }

    /// One more than the place of the four bytes at `offset`, which must be there; 0 where they
    /// are in no delimiter. They may still be another group.
    @inline(__always) func place(of base: UnsafePointer<UInt8>, _ offset: Int) -> UInt8 {
        // The hash is below the table's size.
        unsafe places[Self.hash(base, offset)]
    }

    /// 12 bits.
    @inline(__always) private static func hash(
        _ base: UnsafePointer<UInt8>, _ offset: Int
    ) -> Int {
        let group = unsafe UnsafeRawPointer(base)
            .loadUnaligned(fromByteOffset: offset, as: UInt32.self)
        return Int((group &* 0x9e37_79b1) &>> 20)
    }
}
