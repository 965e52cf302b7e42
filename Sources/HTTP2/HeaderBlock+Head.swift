// The request line and Host from the pseudo-fields (RFC 9113 §8.3.1, §8.5; RFC 8441 §4), and what
// the end of a section adds to it.

import HTTPSyntax

extension HeaderBlock {
    /// The section is whole.
    ///
    /// - Parameter hasEnded: the message ends with it.
    mutating func finish(hasEnded: Bool) {
        if isTrailers {
            if !hasEnded { refuse(.trailersMidway) }
            text.append("\r\n")
            return
        }
        if !hasBegun { beginHead() }
        if hasEnded, let contentLength, contentLength > 0 { refuse(.contentTooShort) }
        guard problem == nil else { return }
        if hasCookie {
            text.append("cookie: ")
            text.append(cookies.view)
            text.append("\r\n")
        }
        if !hasEnded, contentLength == nil, !asksTunnel, !isConnect {
            text.append("Transfer-Encoding: chunked\r\n")
        }
        text.append("\r\n")
    }

    /// All pseudo-fields are there.
    mutating func beginHead() {
        hasBegun = true
        guard problem == nil else { return }
        if let problem = problemOfLine ?? problemOfAuthority { return refuse(problem) }
        if isConnect {
            writeLine(view(method), view(authority))
        } else if asksTunnel {
            writeLine(ByteView("GET"), view(path))
            text.append("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ")
            appendKey()
        } else {
            writeLine(view(method), view(path))
        }
    }

    private mutating func writeLine(_ method: ByteView, _ target: ByteView) {
        text.append(method)
        text.append(byte: 0x20)
        text.append(target)
        text.append(" HTTP/1.1\r\n")
        guard !authority.isMissing else { return }
        text.append("Host: ")
        text.append(view(authority))
        text.append("\r\n")
    }

    /// Whether method and path could stand in a request line, whatever else is wrong.
    var hasSoundLine: Bool {
        kind != .connect && !method.isMissing && Token.isValid(view(method))
            && !isPathCut && path.length <= limits.target && problemOfPath == nil
            && Self.problem(inValue: view(path)) == nil
    }

    private var problemOfLine: HeaderProblem? {
        if method.isMissing { return .methodMissing }
        guard Token.isValid(view(method)) else { return .methodNotToken }
        // With more than that it is malformed, and 405 as in any form (`Facts.isMalformed`).
        if isConnect { return authority.isMissing ? .connectForm : nil }
        if asksTunnel {
            guard kind == .connect else { return .protocolWithoutConnect }
            guard view(protocolName).equalsIgnoringCase(ByteView("websocket")) else {
                return .protocolUnknown
            }
            if authority.isMissing { return .connectForm }
        }
        if scheme.isMissing { return .schemeMissing }
        let scheme = view(scheme)
        guard
            scheme.equalsIgnoringCase(ByteView("http"))
                || scheme.equalsIgnoringCase(ByteView("https"))
        else { return .schemeUnknown }
        return problemOfPath
    }

    /// `*` is the parser's to judge.
    private var problemOfPath: HeaderProblem? {
        let path = view(path)
        guard !path.isEmpty else { return .pathMissing }
        guard path[0] == 0x2f || (path.count == 1 && path[0] == 0x2a) else { return .pathForm }
        guard path.holdsByte(below: 0x21) else { return nil }
        for index in 0..<path.count where ASCII.isBlank(path[index]) { return .pathWithSpace }
        return nil
    }

    /// What could end the request target of a CONNECT, or be taken for userinfo; the rest of the
    /// grammar is the parser's to check.
    private var problemOfAuthority: HeaderProblem? {
        guard !authority.isMissing else { return nil }
        let authority = view(authority)
        for index in 0..<authority.count {
            let byte = authority[index]
            // Letters and what is from `0` to `:`, at once.
            if (byte | 0x20) &- 0x61 < 26 || byte &- 0x30 < 11 || byte == 0x2e { continue }
            guard ASCII.isVisible(byte), byte != 0x40, byte != 0x2f, byte != 0x3f, byte != 0x23
            else { return .authorityInvalid }
        }
        return nil
    }

    /// A nonce of 16 bytes (RFC 6455 §4.1).
    private mutating func appendKey() {
        var nonce = ByteBuffer(capacity: 16)
        for _ in 0..<16 { nonce.append(byte: UInt8.random(in: .min ... .max)) }
        text.append(base64: nonce.view)
        text.append("\r\n")
    }
}
