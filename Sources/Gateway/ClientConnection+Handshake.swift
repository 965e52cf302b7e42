import Audit
import Configuration
import HTTP1
import HTTPSyntax
import TLS
import Transport

// TLS in front: what comes before the first request, and what is said of it afterwards.

extension ClientConnection {
    /// Nothing that has come was a request yet.
    var isBeforeHTTP: Bool { phase == .proxyHeader || phase == .handshake }
}

extension Ref<ClientConnection> {
    /// What was accepted, or came behind a PROXY header, is a client: TLS, if the listener has it,
    /// then requests. How many bytes of `received` were used.
    @discardableResult func beginHTTP(received: ByteView) -> Int {
        let timeouts = value.worker.value.use.value.timeouts
        guard let tls = value.tls else {
            awaitRequest()
            return 0
        }
        guard let session = Ref<TLSSession>.accept(tls.context, value.worker.value.ciphertext)
        else {
            close()
            return received.count
        }
        value.phase = .handshake
        value.deadline.set(timeouts.clientHead)
        value.stream.begin(session, received: received)
        return received.count
    }

    /// The first request may come.
    private func awaitRequest() {
        value.phase = .idle
        value.deadline.set(
            value.worker.value.isDraining
                ? ClientConnection.firstRequestTime
                : value.worker.value.use.value.timeouts.clientIdle)
    }

    /// Goes on with the handshake; whether there may be more to read.
    func shakeHands() -> Bool {
        switch value.stream.shakeHands() {
        case .pending: return false
        case .complete:
            handshakeCompleted()
            return value.phase != .closed
        case .plaintext:
            value.lacksTLS = true
            value.stream.dropTLS(into: &value.inbound)
            awaitRequest()
            resume()
            return value.phase != .closed && value.stream.isReading
        case .failed:
            handshakeFailed()
            return value.phase == .lingering
        }
    }

    /// From here on it depends on what both sides agreed on (ALPN) who reads: HTTP/1.1, unless
    /// they said h2 (RFC 9113 §3.2).
    private func handshakeCompleted() {
        guard let session = value.stream.tls, let tls = value.tls else { return }
        session.describePeer()
        count(session)
        value.identity.describe(
            value.origin.address, by: "https",
            subject: tls.forwardsSubject ? session.subject : .empty)
        if session.applicationProtocol.equals(ByteView("h2")) {
            beginHTTP2()
        } else {
            awaitRequest()
        }
    }

    private func count(_ session: Ref<TLSSession>) {
        let counters = value.worker.value.counters
        counters.handshakes.add((session.isVersion13 ? 1 : 0) + (session.isResumed ? 2 : 0))
        counters.ciphers.add(TLSCipherSuite.index(of: session.cipherNumber))
        counters.serverNames.add(
            session.isListed ? 2 : session.serverName.isEmpty ? 0 : 1)
    }

    /// Ends what never became TLS. What still comes is read and dropped, so that the reason, an
    /// alert, is not lost to a reset.
    ///
    /// - Parameter isLate: the client has had its time.
    func handshakeFailed(isLate: Bool = false) {
        // In a drain it is the gate that has no time.
        if let session = value.stream.tls, !isLate || !value.worker.value.isDraining {
            if isLate {
                noteFailure(.timeout, ByteView("the handshake took too long"), session)
            } else {
                noteFailure(session.fault, session.failure, session)
            }
        }
        value.stream.dropTLS()
        finish(.linger)
    }

    private func noteFailure(_ fault: TLSFault, _ reason: ByteView, _ session: Ref<TLSSession>) {
        // Who has said nothing, as a probe of a load balancer, has not tried.
        guard session.hasInput else { return }
        value.worker.value.counters.failedHandshakes.add(Int(fault.rawValue))
        logHandshake(fault, reason, serverName: session.serverName)
    }

    // MARK: Afterwards

    /// The session that its requests come through; a stream's is the connection's.
    @inline(__always) private var session: Ref<TLSSession>? { carrier.value.stream.tls }

    /// `https` behind TLS.
    var scheme: StaticString { session == nil ? "http" : "https" }

    /// The session as records tell of it; its views live as long as the connection.
    var tlsFields: TLSFields? {
        guard let session else { return nil }
        var fields = TLSFields(version: session.version, cipher: session.cipher)
        fields.serverName = session.serverName
        fields.subject = session.subject
        return fields
    }

    /// Appends the line that tells backends who the client is by its certificate.
    func appendSubject(to lines: inout ByteBuffer) {
        guard let session, carrier.value.tls?.forwardsSubject == true,
            !session.subject.isEmpty
        else { return }
        lines.append("X-Client-Subject: ")
        lines.append(session.subject)
        lines.append("\r\n")
    }

    /// Whether the host of the request in `worker.request` has other TLS settings than the name
    /// that this connection was set up for: who may not have that one's connection is not to get
    /// its content by this one (RFC 9110 §15.5.20).
    @inline(__always) func isMisdirected(_ head: ByteView) -> Bool {
        guard let session else { return false }
        return session.isMisdirected(host: value.worker.requestHost(head))
    }
}
