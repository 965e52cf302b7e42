// A file as it was read: its name, its bytes, and the way from a line number to the line.

import HTTPSyntax

/// One configuration file. Confined to the thread that loads.
final class SourceFile {
    /// As messages name it.
    let path: String
    /// As they are in the file: what the digest is taken over.
    let bytes: [UInt8]
    /// Where each line begins; made when the first line is asked for.
    private lazy var lineStarts: [Int] = makeLineStarts()

    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    /// Bytes of a byte-order mark in front.
    var markLength: Int { bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0 }

    /// `line` and `column` from 1. Without the line where a private key may stand in it.
    func place(line: Int, column: Int) -> SourcePlace {
        let text = text(ofLine: line)
        return SourcePlace(
            file: path, line: line, column: column,
            sourceLine: PastedContent.mayBeSecret(text) ? nil : text)
    }

    /// The place of a byte; the column counts characters.
    func place(offset: Int) -> SourcePlace {
        let line = lineStarts.lastIndex { $0 <= offset } ?? 0
        let before = bytes[lineStarts[line]..<max(lineStarts[line], offset)]
        return place(
            line: line + 1, column: String(decoding: before, as: UTF8.self).unicodeScalars.count + 1
        )
    }

    /// The line without its end, invalid UTF-8 replaced; at most 4096 bytes of it. A line past
    /// the last one is empty.
    private func text(ofLine line: Int) -> String {
        guard line >= 1, line <= lineStarts.count else { return "" }
        let start = lineStarts[line - 1]
        var end = line < lineStarts.count ? lineStarts[line] - 1 : bytes.count
        if end > start, bytes[end - 1] == 0x0D { end -= 1 }
        return String(decoding: bytes[start..<max(start, min(end, start + 4096))], as: UTF8.self)
    }

    private func makeLineStarts() -> [Int] {
        var starts = [markLength]
        bytes.withView { view in
            var position = markLength
            while let newline = view.firstIndex(of: 0x0A, from: position) {
                position = newline + 1
                starts.append(position)
            }
        }
        return starts
    }
}
