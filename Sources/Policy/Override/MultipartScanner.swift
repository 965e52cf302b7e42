// Overrides in multipart content as it streams: the values of parts that are named `_method`.

internal import HTTPSyntax

/// Reads delimiters, the heads of parts, and the values of some, in constant space. How the bytes
/// are cut into pieces makes no difference.
///
/// `--boundary` counts as a delimiter wherever it stands, in heads and in the middle of a line
/// too: readers differ in what they want around it, and a client that chose its boundary well
/// sends it nowhere else.
struct MultipartScanner: ~Copyable {
    private enum Phase: UInt8 {
        /// Before the first delimiter, or in content that is no override.
        case other
        case head, value
    }

    private var phase = Phase.other
    private var search: DelimiterSearch
    private var head = PartHead()
    private var value = CollectedValue()

    /// At the first byte of content with that boundary, of 1 to 70 bytes.
    init(boundary: ByteView) { search = DelimiterSearch(boundary: boundary) }

    /// The next override that ends in `bytes`, from `offset` on, which moves behind it; nil at
    /// their end. An empty value is none.
    mutating func next(in bytes: ByteView, from offset: inout Int) -> OverrideValue? {
        while offset < bytes.count {
            if phase == .other {
                guard search.skip(bytes, &offset) else { return nil }
                beginHead()
                continue
            }
            let byte = bytes[offset]
            offset += 1
            if let found = phase == .head ? takeInHead(byte) : takeInValue(byte) { return found }
        }
        return nil
    }

    /// The content has ended.
    mutating func finish() -> OverrideValue? {
        switch phase {
        case .other: nil
        case .head: head.isNamed ? .unreadable : nil
        case .value: value.settle(isEscaped: false)
        }
    }

    private mutating func beginHead() {
        phase = .head
        head.begin()
    }

    private mutating func takeInHead(_ byte: UInt8) -> OverrideValue? {
        if search.take(byte) {
            // Rack reads on to an empty line, over any delimiter.
            let isNamed = head.isNamed
            beginHead()
            return isNamed ? .unreadable : nil
        }
        switch head.take(byte) {
        case .more: return nil
        case .unreadable:
            // Once said is enough: what follows is some other part's for all readers, or refused.
            phase = .other
            return .unreadable
        case .ended:
            phase = head.isNamed ? .value : .other
            value.removeAll()
            return nil
        }
    }

    private mutating func takeInValue(_ byte: UInt8) -> OverrideValue? {
        value.append(byte)
        if search.take(byte) {
            value.removeLast(search.count)
            beginHead()
            return value.settle(isEscaped: false)
        }
        guard value.isTooLong else { return nil }
        phase = .other
        return value.settle(isEscaped: false)
    }
}
