// One line after the other: pseudo-fields first, then the others, each checked for what would
// change its meaning in HTTP/1.1 (RFC 9113 §8.2, §8.3).

package import HTTPSyntax

extension HeaderBlock {
    /// Takes one field line in.
    package mutating func add(_ name: ByteView, _ value: ByteView) {
        size &+= name.count &+ value.count &+ 4
        lineCount &+= 1
        if name.count == 12, call == .none, name.equals(ByteView("content-type")) {
            call = CallType(contentType: value)
        }
        let isPseudo = !name.isEmpty && name[0] == 0x3a
        if !isPseudo && !hasBegun && !isTrailers { beginHead() }
        guard problem == nil else { return noteOfRefused(name, value) }
        guard !name.isEmpty else { return refuse(.nameEmpty) }
        if isPseudo { addPseudo(name, value) } else { addRegular(name, value) }
    }

    /// Of a request that is refused already what its record and its answer have to know: what was
    /// asked for, in whose name, and in which form.
    private mutating func noteOfRefused(_ name: ByteView, _ value: ByteView) {
        guard !isTrailers else { return }
        if name.count == 6, name.equals(ByteView("accept")) {
            guard accepts.count &+ value.count <= Self.mostAccepts,
                Self.problem(inValue: value) == nil
            else { return }
            accepts.append("accept: ")
            accepts.append(value)
            accepts.append("\r\n")
        } else {
            notePseudo(name, value)
        }
    }

    private static var mostAccepts: Int { 1024 }

    /// Keeps the beginning of what stands in a record, as it came, whatever is wrong with it.
    private mutating func notePseudo(_ name: ByteView, _ value: ByteView) {
        switch name.count {
        case 5 where path.isMissing && name.equals(ByteView(":path")):
            path = note(value)
            isPathCut = path.length < value.count
        case 7 where method.isMissing && name.equals(ByteView(":method")):
            method = note(value)
            noteKind(value)
        case 10 where authority.isMissing && name.equals(ByteView(":authority")):
            authority = note(value)
        default: break
        }
    }

    private mutating func note(_ value: ByteView) -> Part {
        let length = min(value.count, Self.longestNoted)
        pseudo.append(value.slice(0, length))
        return Part(offset: pseudo.count - length, length: length)
    }

    private static var longestNoted: Int { 4096 }

    // MARK: Pseudo-fields

    private mutating func addPseudo(_ name: ByteView, _ value: ByteView) {
        if isTrailers { return refuse(.pseudoInTrailers) }
        if hasBegun { return refuse(.pseudoLate) }
        if let problem = Self.problem(inValue: value) {
            refuse(problem)
            return notePseudo(name, value)
        }
        switch name.count {
        case 5 where name.equals(ByteView(":path")):
            if value.count > limits.target {
                refuse(.targetTooLong)
                return notePseudo(name, value)
            }
            path = keep(value, instead: path)
        case 7 where name.equals(ByteView(":method")): keepMethod(value)
        case 7 where name.equals(ByteView(":scheme")): scheme = keep(value, instead: scheme)
        case 10 where name.equals(ByteView(":authority")):
            authority = keep(value, instead: authority)
        case 9 where name.equals(ByteView(":protocol")):
            protocolName = keep(value, instead: protocolName)
        default: refuse(.pseudoUnknown)
        }
    }

    private mutating func keepMethod(_ value: ByteView) {
        let isFirst = method.isMissing
        method = keep(value, instead: method)
        if isFirst && !method.isMissing { noteKind(value) }
    }

    private mutating func noteKind(_ value: ByteView) {
        switch value.count {
        case 4 where value.equals(ByteView("HEAD")): kind = .head
        case 7 where value.equals(ByteView("CONNECT")): kind = .connect
        default: break
        }
    }

    private mutating func keep(_ value: ByteView, instead part: Part) -> Part {
        guard part.isMissing, size <= limits.head else {
            refuse(part.isMissing ? .headTooLarge : .pseudoRepeated)
            return part
        }
        pseudo.append(value)
        return Part(offset: pseudo.count - value.count, length: value.count)
    }

    // MARK: Other fields

    private mutating func addRegular(_ name: ByteView, _ value: ByteView) {
        if let problem = Self.problem(inName: name) ?? Self.problem(inValue: value) {
            return refuse(problem)
        }
        let match = FieldName.lookup(name)
        // Further crumbs become part of the line that the first one has begun.
        if hasCookie, match.name == .cookie, !match.isVariant { lineCount &-= 1 }
        if lineCount > limits.fields + 5 { return refuse(.tooManyFields) }
        if size > limits.head { return refuse(.headTooLarge) }
        guard !match.isVariant, match.name != .other || isKey(name) else {
            return append(name, value)
        }
        addKnown(match.name, name, value)
    }

    private mutating func addKnown(_ known: FieldName, _ name: ByteView, _ value: ByteView) {
        switch known {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade:
            refuse(.connectionSpecific)
        case .te where !value.equalsIgnoringCase(ByteView("trailers")): refuse(.teUnknown)
        case .cookie where !isTrailers:
            // Crumbs are one field for whoever does not speak HTTP/2 (RFC 9113 §8.2.3).
            if hasCookie { cookies.append("; ") }
            hasCookie = true
            cookies.append(value)
        case .host where !isTrailers && !authority.isMissing:
            guard namesAuthority(value) else {
                return refuse(.authorityMismatch)
            }
            // Says the same; a second one is written out, and refused as such.
            if hasHost { append(name, value) }
            hasHost = true
        case .contentLength where !isTrailers:
            contentLength = Self.decimal(value)
            append(name, value)
        case .other:
            // The gate makes the key of a tunnel's handshake itself.
            break
        default: append(name, value)
        }
    }

    /// Whether a Host names the origin that `authority` does: letter case does not matter, nor
    /// whether the scheme's port is written out (RFC 3986 §6.2.3).
    private func namesAuthority(_ host: ByteView) -> Bool {
        let authority = view(authority)
        if host.equalsIgnoringCase(authority) { return true }
        let isSecure = view(scheme).equalsIgnoringCase(ByteView("https"))
        let port = isSecure ? ByteView(":443") : ByteView(":80")
        return Self.without(port, host).equalsIgnoringCase(Self.without(port, authority))
    }

    /// `value` without `port` at its end. A part of an IPv6 literal ends with a bracket.
    private static func without(_ port: ByteView, _ value: ByteView) -> ByteView {
        let length = value.count - port.count
        guard length > 0, value.dropFirst(length).equals(port) else { return value }
        return value.slice(0, length)
    }

    /// What only a handshake of HTTP/1.1 has, in a request for a tunnel.
    private func isKey(_ name: ByteView) -> Bool {
        asksTunnel && name.equals(ByteView("sec-websocket-key"))
    }

    private mutating func append(_ name: ByteView, _ value: ByteView) {
        text.append(name)
        text.append(": ")
        text.append(value)
        text.append("\r\n")
    }

    // MARK: Grammar

    static func problem(inName name: ByteView) -> HeaderProblem? {
        for index in 0..<name.count {
            let byte = name[index]
            // Letters in lower case and dashes, of which nearly all are made, at once.
            if byte &- 0x61 < 26 || byte == 0x2d { continue }
            if byte &- 0x41 < 26 { return .nameUpperCase }
            guard Token.contains(byte) else { return .nameNotToken }
        }
        return nil
    }

    static func problem(inValue value: ByteView) -> HeaderProblem? {
        guard !value.isEmpty else { return nil }
        if ASCII.isBlank(value[0]) || ASCII.isBlank(value[value.count - 1]) { return .valuePadded }
        guard value.holdsByte(below: 0x0e) else { return nil }
        for index in 0..<value.count {
            switch value[index] {
            case 0x0d, 0x0a: return .valueWithLineEnd
            case 0: return .valueWithNUL
            default: continue
            }
        }
        return nil
    }

    /// Nil where it is no plain number: the parser of heads refuses that.
    static func decimal(_ value: ByteView) -> UInt64? {
        guard !value.isEmpty, value.count <= 19 else { return nil }
        var number: UInt64 = 0
        for index in 0..<value.count {
            guard ASCII.isDigit(value[index]) else { return nil }
            number = number &* 10 &+ UInt64(value[index] &- 0x30)
        }
        return number
    }
}
