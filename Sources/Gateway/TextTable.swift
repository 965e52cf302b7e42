import HTTPSyntax

// Texts that records name, made once a configuration: a String would allocate for each record.

/// Texts by number, lent as views that live as long as the table: for records, which take bytes.
/// Never changed once made, so that any thread may read it.
final class TextTable: @unchecked Sendable {
    private let bytes: ByteBuffer
    private let ends: [Int]

    init(_ texts: [String]) {
        var bytes = ByteBuffer()
        ends = texts.map { text in
            bytes.append(text: text)
            return bytes.count
        }
        self.bytes = bytes
    }

    /// Empty for a number that is not there.
    func view(_ index: Int) -> ByteView {
        guard ends.indices.contains(index) else { return .empty }
        let start = index == 0 ? 0 : ends[index - 1]
        return bytes.view.slice(start, ends[index] - start)
    }
}
