import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// On a listener that speaks HTTP/2 without TLS, a first line like the preface's that names neither a
// target nor HTTP is no request of HTTP/1.1: it is a preface that somebody got wrong, and answered as
// that (RFC 9113 §3.4).

extension Ref<ClientConnection> {
    /// Whether what did not parse as a first request is a broken preface: a word, another one of
    /// letters alone, and a third that does not begin as `HTTP` does. The parser has refused that
    /// one's first byte, so that the answer does not depend on how many more have come.
    func isBrokenPreface(_ bytes: ByteView, _ error: ProtocolError) -> Bool {
        guard error.reason == .versionInvalid, !value.hasServed, value.carried == nil,
            value.tls == nil, let space = bytes.firstIndex(of: 0x20),
            let second = bytes.firstIndex(of: 0x20, from: space + 1), second + 1 < bytes.count
        else { return false }
        // Who asks for a method speaks HTTP/1.1, however badly. So does a header for a balancer's
        // health, of a gate that is not told to expect one.
        let word = bytes.slice(0, space)
        let method = MethodID(registered: word)
        guard !word.equals(ByteView("PROXY")), !method.isRegistered || word.equals(ByteView("PRI"))
        else {
            return false
        }
        for index in space + 1..<second where !ASCII.isLetter(bytes[index]) { return false }
        guard ASCII.isVisible(bytes[second + 1]), bytes[second + 1] | 0x20 != 0x68 else {
            return false
        }
        let acceptor = value.worker.value.acceptors.first {
            $0.value.number == value.acceptor
        }
        return acceptor?.value.allowsHTTP2 ?? false
    }

    /// Records it, and ends the connection with GOAWAY, which waits for the record.
    func refuseBrokenPreface(_ bytes: ByteView) {
        let worker = value.worker
        guard !worker.value.log.isShut else { return abort() }
        recordUnanswered(
            "neither a preface of HTTP/2 nor a request of HTTP/1.1", line: bytes)
        beginHTTP2()
        value.http2?.value.session.terminate(.protocolError)
        value.heldFrom = value.outbound.count
        worker.holdUnlessDropped(self)
        worker.limitHold(self)
    }
}
