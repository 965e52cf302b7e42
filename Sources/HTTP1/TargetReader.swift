// Which of the four forms a request target has (RFC 9112 §3.2) and where its parts stand.

import HTTPSyntax

enum TargetReader {
    /// `view` is the target, which begins at `offset` of the head and holds neither controls,
    /// spaces nor `#`; its first `?` stands at `query`, its count where there is none. CONNECT may
    /// have any form: it is never forwarded.
    @inline(__always) static func read(
        _ view: ByteView, query: Int, at offset: Int, _ method: MethodID
    ) throws(Halt) -> RequestTarget {
        var target = RequestTarget()
        target.offset = offset
        target.length = view.count
        target.pathOffset = offset
        if view[0] == 0x2f {
            target.pathLength = query
            target.queryLength = view.count &- query
        } else if view.count == 1 && view[0] == 0x2a {
            guard method == .options else { throw .refused(.asteriskForm) }
            target.form = .asterisk
        } else {
            try readOther(view, query, method, &target)
        }
        return target
    }

    @inline(never) private static func readOther(
        _ view: ByteView, _ query: Int, _ method: MethodID, _ target: inout RequestTarget
    ) throws(Halt) {
        if let start = authorityStart(view) {
            try readAbsolute(view, start, query, &target)
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
        _ view: ByteView, _ start: Int, _ query: Int, _ target: inout RequestTarget
    ) throws(Halt) {
        var end = start
        while end < query, view[end] != 0x2f { end += 1 }
        let authority = view.slice(start, end - start)
        guard authority.firstIndex(of: 0x40) == nil else { throw .refused(.userinfo) }
        guard HostField.isValid(authority) else { throw .refused(.authorityInvalid) }
        target.form = .absolute
        target.authorityOffset = target.offset + start
        target.authorityLength = authority.count
        target.pathOffset = target.offset + end
        target.pathLength = query - end
        target.queryLength = view.count - query
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
