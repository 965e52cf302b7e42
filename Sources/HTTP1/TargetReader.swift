// Which of the four forms a request target has (RFC 9112 §3.2) and where its parts stand.

import HTTPSyntax

enum TargetReader {
    /// `view` is the target, which begins at `offset` of the head and holds neither controls,
    /// spaces nor `#`. CONNECT may have any form: it is never forwarded.
    static func read(
        _ view: ByteView, at offset: Int, _ method: MethodID
    ) throws(Halt) -> RequestTarget {
        var target = RequestTarget()
        target.offset = offset
        target.length = view.count
        target.pathOffset = offset
        if view[0] == 0x2f {
            splitQuery(view, from: 0, &target)
        } else if view.count == 1 && view[0] == 0x2a {
            guard method == .options else { throw .refused(.asteriskForm) }
            target.form = .asterisk
        } else {
            try readOther(view, method, &target)
        }
        return target
    }

    /// Path and query are what stands from `start` on.
    @inline(__always) private static func splitQuery(
        _ view: ByteView, from start: Int, _ target: inout RequestTarget
    ) {
        // The scan ends at the view's count.
        let query = unsafe ByteScan.first(view.base, from: start, to: view.count) {
            Word.equal(0x3f, $0)
        }
        target.pathOffset = target.offset &+ start
        target.pathLength = query &- start
        target.queryLength = view.count &- query
    }

    @inline(never) private static func readOther(
        _ view: ByteView, _ method: MethodID, _ target: inout RequestTarget
    ) throws(Halt) {
        if let start = authorityStart(view) {
            try readAbsolute(view, start, &target)
        } else if method == .connect {
            guard HostField.isAuthorityForm(view) else { throw .refused(.authorityInvalid) }
            target.form = .authority
            target.authorityOffset = target.offset
            target.authorityLength = view.count
        } else {
            throw .refused(hasScheme(view) ? .targetScheme : .targetForm)
        }
    }

    private static func readAbsolute(
        _ view: ByteView, _ start: Int, _ target: inout RequestTarget
    ) throws(Halt) {
        var end = start
        while end < view.count, view[end] != 0x2f, view[end] != 0x3f { end += 1 }
        let authority = view.slice(start, end - start)
        guard authority.firstIndex(of: 0x40) == nil else { throw .refused(.userinfo) }
        guard HostField.isValid(authority) else { throw .refused(.authorityInvalid) }
        target.form = .absolute
        target.authorityOffset = target.offset + start
        target.authorityLength = authority.count
        splitQuery(view, from: end, &target)
    }

    /// Behind `http://` or `https://`.
    private static func authorityStart(_ view: ByteView) -> Int? {
        if starts(view, with: "http://") { return 7 }
        if starts(view, with: "https://") { return 8 }
        return nil
    }

    private static func starts(_ view: ByteView, with scheme: StaticString) -> Bool {
        let prefix = ByteView(scheme)
        guard view.count >= prefix.count else { return false }
        return view.slice(0, prefix.count).equalsIgnoringCase(prefix)
    }

    /// Whether it begins with `scheme:` (RFC 3986 §3.1).
    private static func hasScheme(_ view: ByteView) -> Bool {
        guard ASCII.isLetter(view[0]), let colon = view.firstIndex(of: 0x3a) else { return false }
        for index in 0..<colon {
            let byte = view[index]
            let belongs =
                ASCII.isLetter(byte) || ASCII.isDigit(byte)
                || byte == 0x2b || byte == 0x2d || byte == 0x2e
            guard belongs else { return false }
        }
        return true
    }
}
