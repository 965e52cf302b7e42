// "Did you mean": the nearest of a few names. Used once a mistake has been found, so plain and
// slow is fine.

enum Suggestion {
    /// The candidate nearest to `text`, if near enough to be what was meant. Letter case and
    /// `-` for `_` cost nothing.
    static func nearest(to text: String, among candidates: [String]) -> String? {
        let wanted = folded(text)
        guard wanted.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let name = folded(candidate)
            let distance = distance(wanted, name)
            guard distance <= max(1, name.count / 3), distance < best?.distance ?? .max else {
                continue
            }
            best = (candidate, distance)
        }
        return best?.name
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.lowercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }
    }

    /// Edits (insert, remove, replace, swap neighbours) from one to the other.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var rows = [Array(0...b.count)]
        for i in 0..<a.count {
            var row = [i + 1]
            for j in 0..<b.count {
                var cost = min(rows[i][j + 1] + 1, row[j] + 1, rows[i][j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, rows[i - 1][j - 1] + 1)
                }
                row.append(cost)
            }
            rows.append(row)
        }
        return rows[a.count][b.count]
    }
}
