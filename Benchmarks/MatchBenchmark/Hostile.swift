// Paths made to cost as much as a path can: each gives many readings, all of them long. They are
// the worst of 30,000 random ones, by kind.

/// Paths of 4 KiB that no honest client sends.
enum HostilePaths {
    private static let length = 4096

    /// A beginning that multiplies readings, and what is repeated after it.
    private static let kinds = [
        ("/%c0%ae%c3%a9/../%25%3B", "/%2e/"), ("/...%c0%af", "//a."),
        ("/;x%2541%c0%ae%c0%af%e2%84%aa", "a"), ("/%C1%81%25", "/."), ("/%61%2561", "/%2e/%c0%af"),
        ("/", "//"), ("//", "%c0%af%3b"), ("/.%2F%61", "/%2e/%2561"), ("/B%c0%ae%252F", "/."),
        ("/%23B%2541%0a%c0%af/b%20/", "%25"), ("/A;%2FA;", "%2f"), ("/%5C%0a%e2%84%aa/b%20/", "/."),
    ]

    static var all: [[UInt8]] {
        kinds.map { begin, rest in
            var path = Array(begin.utf8)
            while path.count < length { path += Array(rest.utf8) }
            return path
        }
    }
}
