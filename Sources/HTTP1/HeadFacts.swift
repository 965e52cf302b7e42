// What the few field lines that frame or route a message amount to. Lines are noted one by one
// as they are read; what concerns several of them is settled at the end of the head.

import HTTPSyntax

/// Collected over one head.
struct HeadFacts {
    var flags: HeadFlags = []
    private var length: UInt64?
    private var isChunked = false
    private var hosts = 0
    /// Bytes of all `Connection` values: every other line may be compared with each of its
    /// members later, so that this is limited.
    private var connectionBytes = 0

    private static var connectionLimit: Int { 1024 }

    /// Takes in a line that has a known name; `value` has no white space around it.
    mutating func note(_ name: FieldName, _ value: ByteView, inRequest: Bool) throws(Halt) {
        switch name {
        case .contentLength: try noteLength(value)
        case .transferEncoding: try noteCoding(value)
        case .connection: try noteConnection(value)
        case .host: if inRequest { try noteHost(value) }
        case .expect: if inRequest { noteExpectation(value) }
        default: break
        }
    }

    private mutating func noteLength(_ value: ByteView) throws(Halt) {
        guard length == nil else { throw .refused(.contentLengthRepeated) }
        let parsed = try Self.decimal(value)
        length = parsed
        if parsed == 0 { flags.insert(.lengthZero) }
    }

    /// 1*DIGIT up to 2^63-1 (RFC 9110 §8.6): no sign, no list, no white space.
    private static func decimal(_ value: ByteView) throws(Halt) -> UInt64 {
        guard !value.isEmpty else { throw .refused(.contentLengthInvalid) }
        if value.count <= 18 { return try shortDecimal(value) }
        return try longDecimal(value)
    }

    /// Up to 18 digits cannot be too large.
    @inline(__always) private static func shortDecimal(
        _ value: ByteView
    ) throws(Halt) -> UInt64 {
        var number: UInt64 = 0
        for index in 0..<value.count {
            guard ASCII.isDigit(value[index]) else { throw .refused(.contentLengthInvalid) }
            number = number &* 10 &+ UInt64(value[index] &- 0x30)
        }
        return number
    }

    @inline(never) private static func longDecimal(_ value: ByteView) throws(Halt) -> UInt64 {
        let limit = UInt64(Int64.max)
        var number: UInt64 = 0
        var isTooLarge = false
        for index in 0..<value.count {
            guard ASCII.isDigit(value[index]) else { throw .refused(.contentLengthInvalid) }
            let digit = UInt64(value[index] &- 0x30)
            if isTooLarge || number > (limit - digit) / 10 {
                isTooLarge = true
            } else {
                number = number * 10 + digit
            }
        }
        guard !isTooLarge else { throw .refused(.contentLengthTooLarge) }
        return number
    }

    /// Exactly `chunked`: what else RFC 9112 §7 allows has more than one reading in the wild.
    private mutating func noteCoding(_ value: ByteView) throws(Halt) {
        guard !isChunked else { throw .refused(.transferEncodingRepeated) }
        guard value.equalsIgnoringCase(ByteView("chunked")) else {
            throw .refused(.transferEncodingUnsupported)
        }
        isChunked = true
    }

    private mutating func noteHost(_ value: ByteView) throws(Halt) {
        hosts &+= 1
        guard hosts == 1 else { throw .refused(.hostRepeated) }
        guard HostField.isValid(value) else { throw .refused(.hostInvalid) }
    }

    private mutating func noteConnection(_ value: ByteView) throws(Halt) {
        connectionBytes &+= value.count
        guard connectionBytes <= Self.connectionLimit else {
            throw .refused(.connectionTooLong)
        }
        if value.equalsIgnoringCase(ByteView("keep-alive")) {
            flags.insert(.keepAlive)
            return
        }
        var members = ListMembers(value)
        while let member = members.next() {
            // A known name is always removed or never: only unknown ones are looked for.
            switch FieldName.lookup(member).name {
            case .keepAlive: flags.insert(.keepAlive)
            case .upgrade: flags.insert(.upgrade)
            case .other:
                let isClose = member.equalsIgnoringCase(ByteView("close"))
                flags.insert(isClose ? .close : .namesFields)
            default: break
            }
        }
    }

    private mutating func noteExpectation(_ value: ByteView) {
        var members = ListMembers(value)
        while let member = members.next() {
            flags.insert(
                member.equalsIgnoringCase(ByteView("100-continue"))
                    ? .expectContinue : .unknownExpectation)
        }
    }

    /// How the content ends by the fields; `fallback` where they say nothing (RFC 9112 §6.3).
    func framing(_ version: HTTPVersion, else fallback: BodyFraming) throws(Halt) -> BodyFraming {
        if isChunked {
            if case .http10 = version { throw .refused(.transferEncodingInHTTP10) }
            guard length == nil else { throw .refused(.twoFramings) }
            return .chunked
        }
        guard let length else { return fallback }
        return length == 0 ? .none : .length(length)
    }

    /// The flags, less those that an HTTP/1.0 peer cannot mean (RFC 9110 §7.8, §10.1.1).
    func settledFlags(_ version: HTTPVersion, hasUpgrade: Bool) -> HeadFlags {
        var settled = flags
        if !hasUpgrade { settled.remove(.upgrade) }
        if case .http10 = version {
            settled.subtract([.upgrade, .expectContinue, .unknownExpectation])
        }
        return settled
    }
}

/// The members of a comma-separated list without quoted strings (RFC 9110 §5.6.1), empty ones
/// left out.
struct ListMembers {
    private let value: ByteView
    private var offset = 0

    init(_ value: ByteView) { self.value = value }

    /// The next member, without white space around it.
    mutating func next() -> ByteView? {
        while offset < value.count {
            let end = value.firstIndex(of: 0x2c, from: offset) ?? value.count
            let member = value.slice(offset, end - offset).trimmed
            offset = end + 1
            if !member.isEmpty { return member }
        }
        return nil
    }
}
