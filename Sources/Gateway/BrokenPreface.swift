import HTTP1
import HTTP2
import HTTPSyntax
import Transport

// On a listener that speaks HTTP/2 without TLS, a first line that names no HTTP at all is no
// request of HTTP/1.1: it is a preface that somebody got wrong, and answered as that
// (RFC 9113 §3.4).

extension Ref<ClientConnection> {
    /// Whether what did not parse as a first request is a broken preface.
    func isBrokenPreface(_ bytes: ByteView, _ error: ProtocolError) -> Bool {
        guard error.reason == .versionInvalid, !value.hasServed, value.carried == nil,
            value.tls == nil, let space = bytes.firstIndex(of: 0x20),
            let second = bytes.firstIndex(of: 0x20, from: space + 1)
        else { return false }
        let version = bytes.dropFirst(second + 1)
        guard version.count >= 4, !version.slice(0, 4).equals(ByteView("HTTP")) else {
            return false
        }
        let acceptor = value.worker.value.acceptors.first {
            $0.value.number == value.acceptor
        }
        return acceptor?.value.allowsHTTP2 ?? false
    }

    /// Records it, and ends the connection with GOAWAY.
    func refuseBrokenPreface() {
        recordUnanswered("neither a preface of HTTP/2 nor a request of HTTP/1.1")
        beginHTTP2()
        value.http2?.value.session.terminate(.protocolError)
    }
}
