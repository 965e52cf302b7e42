internal import CNGHTTP2
package import HTTPSyntax

// The fields of a message as nghttp2 takes them: pointers to where they stand, copied when the
// message is submitted. Made once a worker and used for every answer, or every request.

/// Field lines of one message; fixed capacity, owned.
@safe package struct FieldList: ~Copyable {
    let lines: UnsafeMutablePointer<nghttp2_nv>
    private let digits: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    /// Room for that many lines besides the pseudo-fields.
    package init(capacity: Int) {
        self.capacity = capacity + 4
        unsafe lines = .allocate(capacity: capacity + 4)
        unsafe digits = .allocate(capacity: 3)
    }

    deinit {
        unsafe lines.deallocate()
        unsafe digits.deallocate()
    }

    /// Begins an answer with that status, of three digits.
    package mutating func begin(status: Int) {
        var rest = status
        for index in [2, 1, 0] {
            unsafe digits[index] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        }
        count = 0
        add(":status", unsafe ByteView(base: digits, count: 3))
    }

    /// Begins a request; all views are valid until it is submitted. An empty authority is none
    /// (RFC 9113 §8.3.1).
    package mutating func begin(
        method: ByteView, scheme: StaticString, path: ByteView, authority: ByteView
    ) {
        count = 0
        add(":method", method)
        add(":scheme", ByteView(scheme))
        add(":path", path)
        if !authority.isEmpty { add(":authority", authority) }
    }

    /// Adds a line; both views are valid until the message is submitted. Letters of the name become
    /// lower case on the wire. False where there is no room.
    ///
    /// - Parameter isUnique: the value comes but once, and would only take another one's place in
    ///   the table of HPACK (RFC 7541 §6.2.3).
    @discardableResult
    package mutating func add(_ name: ByteView, _ value: ByteView, isUnique: Bool = false) -> Bool {
        guard count < capacity else { return false }
        unsafe (lines + count).initialize(to: Self.line(name, value))
        if isUnique {
            unsafe lines[count].flags = UInt8(NGHTTP2_NV_FLAG_NO_INDEX.rawValue)
        }
        count += 1
        return true
    }

    /// Adds a line with a name in lower case that stands for good: it is not copied.
    @discardableResult
    package mutating func add(_ name: StaticString, _ value: ByteView) -> Bool {
        guard count < capacity else { return false }
        let name = ByteView(name)
        unsafe (lines + count).initialize(
            to: nghttp2_nv(
                name: UnsafeMutablePointer(mutating: name.base),
                value: UnsafeMutablePointer(mutating: value.base), namelen: name.count,
                valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue)))
        count += 1
        return true
    }

    /// One line as nghttp2 has it, which only reads what it copies.
    static func line(_ name: ByteView, _ value: ByteView) -> nghttp2_nv {
        unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.base),
            value: UnsafeMutablePointer(mutating: value.base), namelen: name.count,
            valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }
}
