import HTTPSyntax

// Points and spans of time for people.

enum TimeText {
    /// `2026-11-21 03:34:52 UTC` of seconds since 1970.
    static func utc(_ seconds: Int64) -> String {
        var text = ByteBuffer()
        CivilTime(secondsSince1970: seconds).appendRFC3339(to: &text)
        return text.view.text.split(separator: "T").joined(separator: " ") + " UTC"
    }

    /// `3 d 4 h`, `5 min 6 s`: the two largest units.
    static func span(_ seconds: Int64) -> String {
        let rest = max(0, seconds)
        let parts = [
            (rest / 86_400, "d"), (rest / 3600 % 24, "h"), (rest / 60 % 60, "min"),
            (rest % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? parts.count - 1
        return parts[first...].prefix(2).map { "\($0.0) \($0.1)" }.joined(separator: " ")
    }
}
