// The value of an override: what a framework would take for the method. It is kept until its end
// has come, which may be many reads later, in a small fixed store.

package import HTTPSyntax

/// A method that a request asks for besides its own.
package struct OverrideValue {
    /// As the policy is asked about it: without white space around it, in upper case. Valid until
    /// whatever found it goes on.
    package let text: ByteView
    /// Whether the text is a method at all. What is none, is too long, or may be read in two ways,
    /// is no value that a rule could allow.
    package let isMethod: Bool

    /// That the request overrides its method cannot be excluded; how cannot be read.
    static var unreadable: OverrideValue { OverrideValue(text: .empty, isMethod: false) }
}

/// Collects the bytes of one value.
@safe struct CollectedValue: ~Copyable {
    /// Bytes as they were sent, escapes and what may turn out to be a delimiter included.
    static let limit = 256

    private let storage: UnsafeMutablePointer<UInt8>
    private var count = 0
    /// Whether more came than is kept; settled as no method.
    private(set) var isTooLong = false

    init() { unsafe storage = .allocate(capacity: Self.limit) }

    deinit { unsafe storage.deallocate() }

    mutating func removeAll() {
        count = 0
        isTooLong = false
    }

    mutating func append(_ byte: UInt8) {
        guard count < Self.limit else {
            isTooLong = true
            return
        }
        // count is below the capacity.
        unsafe storage[count] = byte
        count += 1
    }

    /// Takes back the last `length` bytes, or all there are.
    mutating func removeLast(_ length: Int) { count = max(0, count - length) }

    /// Reads a value that is there as a whole.
    mutating func settle(_ value: ByteView) -> OverrideValue? {
        removeAll()
        for index in 0..<min(value.count, Self.limit + 1) { append(value[index]) }
        return settle(isEscaped: false)
    }

    /// The value as the policy is asked about it; nil for an empty one.
    mutating func settle(isEscaped: Bool) -> OverrideValue? {
        if isTooLong { return OverrideValue(text: view(0, count), isMethod: false) }
        let isClear = isEscaped ? decode() : true
        var first = 0
        var end = count
        // count is never beyond the capacity.
        while first < end, unsafe storage[first] <= 0x20 { first += 1 }
        while end > first, unsafe storage[end - 1] <= 0x20 { end -= 1 }
        guard first < end else { return isClear ? nil : .unreadable }
        for index in first..<end {
            let byte = unsafe storage[index]
            unsafe storage[index] = byte &- 0x61 < 26 ? byte & 0xdf : byte
        }
        let text = view(first, end - first)
        return OverrideValue(text: text, isMethod: isClear && Token.isValid(text))
    }

    private func view(_ start: Int, _ length: Int) -> ByteView {
        unsafe ByteView(base: storage + start, count: length)
    }

    /// Decodes `+`, `%XX` and `%uXXXX` in place; what is no escape stays as it is. False where all
    /// others than IIS read something else: `%` may stand in a method.
    private mutating func decode() -> Bool {
        let raw = view(0, count)
        var from = 0
        var to = 0
        var isClear = true
        while from < raw.count {
            let (byte, length) = Self.decoded(raw, at: from)
            if length == 6 { isClear = false }
            // What is written is never longer than what has been read.
            unsafe storage[to] = byte
            to += 1
            from += length
        }
        count = to
        return isClear
    }

    /// A byte and how many it was written in; 0x80, which is in no method, for what is beyond
    /// ASCII.
    private static func decoded(_ raw: ByteView, at index: Int) -> (byte: UInt8, length: Int) {
        switch raw[index] {
        case UInt8(ascii: "+"): return (0x20, 1)
        case UInt8(ascii: "%"):
            if let code = code(raw, at: index + 1, digits: 2) { return (UInt8(code), 3) }
            guard index + 1 < raw.count, raw[index + 1] | 0x20 == UInt8(ascii: "u"),
                let code = code(raw, at: index + 2, digits: 4)
            else { return (raw[index], 1) }
            return (code < 0x80 ? UInt8(code) : 0x80, 6)
        case let byte: return (byte, 1)
        }
    }

    private static func code(_ raw: ByteView, at start: Int, digits: Int) -> UInt16? {
        guard start + digits <= raw.count else { return nil }
        var code: UInt16 = 0
        for index in start..<(start + digits) {
            guard let digit = ASCII.hexValue(raw[index]) else { return nil }
            code = code &<< 4 | UInt16(digit)
        }
        return code
    }
}
