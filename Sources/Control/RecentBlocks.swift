package import Audit
import HTTPSyntax

// The last blocks, read back from the end of a log file: what was written is what is shown, and
// the request path has no part in it.

/// A block record as the dashboard shows it.
package struct RecentBlock {
    /// Time, action, status, method, path, rule, client, event id.
    let texts: [String]
}

/// Looks at the end of a log.
package enum RecentBlocks {
    /// Bytes at the end that are looked at: some 60 usual records.
    static let window: Int64 = 64 << 10
    static let limit = 20
    private static let longest = 160

    /// The newest first; nil where `destination` is no regular file or cannot be read.
    package static func read(_ destination: SinkDestination) -> [RecentBlock]? {
        guard case .file(let path) = destination,
            var reader = try? LineReader(regularFile: path)
        else { return nil }
        let start = max(0, reader.size - window)
        reader.seek(to: start)
        var record = RecordReader()
        var blocks: [RecentBlock] = []
        // Whoever begins amid the file begins amid a line.
        if start > 0 { _ = try? reader.next(keepsUnfinished: true) }
        while reader.position < start + window,
            let line = try? reader.next(keepsUnfinished: true)
        {
            guard (try? record.read(line.bytes)) != nil, isBlock(record) else { continue }
            blocks.append(RecentBlock(texts: texts(record)))
        }
        return blocks.suffix(limit).reversed()
    }

    /// The access log may share the file, and names blocks by the same words.
    private static func isBlock(_ record: borrowing RecordReader) -> Bool {
        guard let action = record.text("event.action"),
            record.text("event.dataset")?.equals(ByteView("methodgate.access")) != true
        else { return false }
        return BlockAction.allCases.contains { action.equals(ByteView($0.name)) }
    }

    private static func texts(_ record: borrowing RecordReader) -> [String] {
        let status = record.number("http.response.status_code").map { "\($0)" }
        return [
            shown(record.text("@timestamp")), shown(record.text("event.action")), status ?? "",
            shown(record.method), shown(record.text("url.path")), shown(record.text("rule.id")),
            shown(record.client), shown(record.text("event.id")),
        ]
    }

    private static func shown(_ raw: ByteView?) -> String {
        guard let raw else { return "" }
        var text = ByteBuffer()
        text.append(showing: raw, limit: longest)
        return text.view.text
    }
}
