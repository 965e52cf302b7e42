// Lists of field names that are asked for seldom: one literal, so that nothing is built at start.

import HTTPSyntax

/// Names in lower case, each followed by a space; one that ends in `*` stands for all that begin
/// like it.
struct NameList {
    private let names: ByteView

    init(_ names: StaticString) { self.names = ByteView(names) }

    /// Whether `name` is there, letter case aside and `_` read as `-`.
    func contains(_ name: ByteView) -> Bool {
        var offset = 0
        while offset < names.count {
            let end = names.firstIndex(of: 0x20, from: offset) ?? names.count
            if matches(names.slice(offset, end - offset), name) { return true }
            offset = end + 1
        }
        return false
    }

    private func matches(_ entry: ByteView, _ name: ByteView) -> Bool {
        guard !entry.isEmpty else { return false }
        let isPrefix = entry[entry.count - 1] == 0x2a
        let length = isPrefix ? entry.count - 1 : entry.count
        guard isPrefix ? name.count >= length : name.count == length else { return false }
        for index in 0..<length {
            let byte = name[index] == 0x5f ? 0x2d : ASCII.lowercased(name[index])
            guard byte == entry[index] else { return false }
        }
        return true
    }
}
