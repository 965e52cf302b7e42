// Lines of the access log whose answers were not given after all: who was to get them is gone, or
// they were taken back. The lines are there by then, and the heads that they were made of are not.

package import HTTPSyntax

/// What begins a value in a line. No client can forge it: in a text, every quote has a backslash
/// before it.
private enum LineKey {
    /// Of what is no block.
    static var request: ByteView { ByteView(",\"event.action\":\"request-") }
    static var status: ByteView { ByteView(",\"http.response.status_code\":") }
    static var answeredBy: ByteView { ByteView(",\"methodgate.answered_by\":") }
    static var answerBytes: ByteView { ByteView(",\"http.response.body.bytes\":") }
}

extension ByteView {
    /// Where the three digits of the first line's status are; nil where it has none.
    package var statusOfFirstLine: Int? {
        let line = slice(0, firstIndex(of: 0x0a) ?? count)
        return line.index(of: LineKey.status).map { $0 + LineKey.status.count }
    }

    /// Where `key` begins, which itself begins with a comma.
    fileprivate func index(of key: ByteView) -> Int? {
        var start = 0
        while let index = firstIndex(of: 0x2c, from: start) {
            guard index + key.count <= count else { return nil }
            if slice(index, key.count).equals(key) { return index }
            start = index + 1
        }
        return nil
    }
}

extension ByteBuffer {
    /// Appends access lines as they are where nobody got the answers: a block that was closed
    /// without an answer, or a request that was aborted.
    package mutating func append(unanswered lines: ByteView) {
        var rest = lines
        while !rest.isEmpty {
            let length = (rest.firstIndex(of: 0x0a) ?? rest.count - 1) + 1
            append(unansweredLine: rest.slice(0, length))
            rest = rest.dropFirst(length)
        }
    }

    /// The keys come in this order (`RecordEncoder.append` of an `AccessRecord`).
    private mutating func append(unansweredLine line: ByteView) {
        var rest = line
        if let index = rest.index(of: LineKey.request) {
            append(rest.slice(0, index + LineKey.request.count))
            append("aborted")
            rest = rest.dropFirst(index + LineKey.request.count)
            rest = rest.dropFirst(rest.firstIndex(of: 0x22) ?? 0)
        }
        rest = appendWhat(isBefore: LineKey.status, in: rest)
        rest = appendWhat(isBefore: LineKey.answeredBy, in: rest)
        if rest.index(of: LineKey.answerBytes) != nil {
            rest = appendWhat(isBefore: LineKey.answerBytes, in: rest)
            append(LineKey.answerBytes)
            append(byte: 0x30)
        }
        append(rest)
    }

    /// Appends what stands before a key, and returns what stands behind its value, which has no
    /// comma; all of it where the key is not there.
    private mutating func appendWhat(isBefore key: ByteView, in rest: ByteView) -> ByteView {
        guard let index = rest.index(of: key) else { return rest }
        append(rest.slice(0, index))
        let end = rest.firstIndex(of: 0x2c, from: index + 1) ?? rest.count
        return rest.dropFirst(end)
    }
}
