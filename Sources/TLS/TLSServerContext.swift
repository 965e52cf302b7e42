internal import COpenSSL
internal import Glibc

// TLS in front: for each name that a client may ask for (SNI) the certificates, and who must show
// one of its own. One object for all workers, replaced as a whole by a reload.

/// What is asked of clients.
package enum ClientCertificates: UInt8, Sendable, Hashable {
    case none
    /// One that is shown must be good; none is fine.
    case request
    case require
}

/// What holds for some names, or for all others.
package struct TLSServerEntry: Sendable {
    /// In lower case; `*.example.com` for one label more. Empty: for whoever asks for no name that
    /// another entry has.
    package var names: [String]
    /// At least one; those with keys of different kinds stand side by side.
    package var identities: [TLSIdentity]
    package var clients = ClientCertificates.none
    /// Who signs client certificates; to be given where they are asked for.
    package var authorities: TrustStore?

    package init(names: [String], identities: [TLSIdentity]) {
        self.names = names
        self.identities = identities
    }
}

/// The contexts of one listener.
@safe package final class TLSServerContext: @unchecked Sendable {
    let entries: [TLSServerEntryContext]
    private let names: ServerNames
    /// SHA-256 of what clients see of it, and of what is asked of them: what is the same has the
    /// same, also over reloads. The OCSP response is no part of it.
    package let fingerprint: [UInt8]

    /// - Parameters:
    ///   - entries: the first one is for all names that no other has.
    ///   - protocols: what is spoken (ALPN), most preferred first; of all, h2 is.
    package init(_ entries: [TLSServerEntry], _ options: TLSOptions, protocols: [String])
        throws(TLSProblem)
    {
        precondition(!entries.isEmpty, "a listener has a certificate")
        var contexts: [TLSServerEntryContext] = []
        for entry in entries {
            contexts.append(try TLSServerEntryContext(entry, options, protocols))
        }
        self.entries = contexts
        names = ServerNames(entries.map(\.names))
        asksForCertificates = entries.contains { $0.clients != .none }
        isDivided = contexts.contains { $0.scope != contexts[0].scope }
        fingerprint = Self.fingerprint(entries, options, protocols)
        for context in contexts {
            // Each is asked to choose: a connection begins with the first one.
            let this = unsafe Unmanaged.passUnretained(self).toOpaque()
            unsafe SSL_CTX_set_client_hello_cb(context.base.handle, chooseByName, this)
        }
    }

    private static func fingerprint(
        _ entries: [TLSServerEntry], _ options: TLSOptions, _ protocols: [String]
    ) -> [UInt8] {
        var parts = Array("\(options) \(protocols)".utf8)
        for entry in entries {
            parts += Array("\(entry.names) \(entry.clients) \(entry.identities.count)".utf8)
            for identity in entry.identities {
                for certificate in [identity.leaf] + identity.chain {
                    parts += certificate.fingerprint
                }
            }
            for authority in entry.authorities?.authorities ?? [] {
                parts += authority.fingerprint
            }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        unsafe SHA256(parts, parts.count, &digest)
        return digest
    }

    /// Which entry answers for a name in lower case. One whose wildcard covers it, as a rule's does,
    /// comes before the first one where it asks something else of clients: by the first one no
    /// request for that name would get further.
    package func entry(for name: [UInt8]) -> Int {
        let covering = isDivided ? names.entry(covering: name) : 0
        guard entries[covering].scope == entries[0].scope else { return covering }
        return names.entry(for: name)
    }

    /// Whether any entry asks clients for certificates.
    package let asksForCertificates: Bool
    /// Whether entries differ in what they ask of clients.
    package let isDivided: Bool

    /// The entry that a connection was set up by.
    package func entry(of session: OpaquePointer) -> Int {
        let context = unsafe SSL_get_SSL_CTX(session)
        return entries.firstIndex { unsafe $0.base.handle == context } ?? 0
    }

    /// The subject of a client's certificate, as RFC 2253 writes it, or what stands for it; nil where
    /// the client has shown none.
    package func subject(of session: OpaquePointer) -> String? {
        guard let certificate = unsafe SSL_get1_peer_certificate(session) else { return nil }
        return unsafe Certificate(certificate).holder
    }

    /// Whether the entry for `host`, which may have a port, asks something else of clients than
    /// the entry at `index`. Names that a certificate would not do for count as covered by its
    /// wildcard, as they are by a rule's. No host at all belongs to the first entry where that asks
    /// for certificates, and to any otherwise.
    package func isDivided(_ index: Int, _ host: [UInt8]) -> Bool {
        if host.isEmpty, !entries[0].asksForCertificates { return false }
        var name = host
        if let colon = name.lastIndex(of: 0x3A), name.last != 0x5D { name.removeSubrange(colon...) }
        if name.last == 0x2E { name.removeLast() }
        for position in name.indices where (0x41...0x5A).contains(name[position]) {
            name[position] |= 0x20
        }
        return entries[names.entry(covering: name)].scope != entries[index].scope
    }

    /// A new connection's object (SSL_new), set to accept; the caller owns it and keeps this
    /// context for as long. Nil where no memory is left.
    package func makeSession() -> OpaquePointer? {
        guard let session = unsafe SSL_new(entries[0].base.handle) else { return nil }
        unsafe SSL_set_accept_state(session)
        return unsafe session
    }
}

/// One entry's SSL_CTX, and what its callbacks need.
@safe final class TLSServerEntryContext: @unchecked Sendable {
    let base: TLSContext
    let identities: [TLSIdentity]
    /// As ALPN writes a list: each name behind its length (RFC 7301 §3.1). Owned; OpenSSL is given
    /// addresses in it.
    let protocols: UnsafeMutableBufferPointer<UInt8>
    /// Bytes of the entry for h2, which is first where it is there; else 0.
    let http2Length: Int
    /// What is asked of clients: the same for two entries that ask the same.
    let scope: [UInt8]
    let asksForCertificates: Bool

    init(_ entry: TLSServerEntry, _ options: TLSOptions, _ protocols: [String]) throws(TLSProblem) {
        base = try TLSContext(isServer: true, options)
        identities = entry.identities
        scope = Self.scope(entry)
        asksForCertificates = entry.clients != .none
        let list = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        http2Length = protocols.first == "h2" ? 3 : 0
        unsafe self.protocols = .allocate(capacity: list.count)
        _ = unsafe self.protocols.initialize(from: list)
        for identity in entry.identities { try base.use(identity) }
        let handle = unsafe base.handle
        let this = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe SSL_CTX_set_alpn_select_cb(handle, chooseProtocol, this)
        unsafe methodgate_set_name_callback(handle, acceptName)
        unsafe methodgate_set_status_callback(handle, stapleResponse, this)
        // Tickets alone: nothing is shared but their keys.
        _ = unsafe methodgate_set_cache_mode(handle, Int(SSL_SESS_CACHE_OFF))
        unsafe methodgate_set_ticket_callback(handle, protectTicket)
        _ = unsafe SSL_CTX_set_session_ticket_cb(handle, nil, judgeTicket, nil)
        if entry.clients != .none, let authorities = entry.authorities {
            let mode =
                entry.clients == .require
                ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
            unsafe SSL_CTX_set_verify(handle, mode, nil)
            unsafe SSL_CTX_set1_cert_store(handle, authorities.store)
            for authority in authorities.authorities {
                unsafe SSL_CTX_add_client_CA(handle, authority.handle)
            }
        }
        // A session may be taken up again only where the same is asked of clients.
        var digest = [UInt8](repeating: 0, count: 32)
        unsafe SHA256(scope, scope.count, &digest)
        guard unsafe SSL_CTX_set_session_id_context(handle, digest, 32) == 1 else {
            throw .openSSL("TLS cannot be set up")
        }
    }

    deinit { unsafe protocols.deallocate() }

    private static func scope(_ entry: TLSServerEntry) -> [UInt8] {
        var scope = [entry.clients.rawValue]
        guard entry.clients != .none else { return scope }
        for authority in entry.authorities?.authorities ?? [] { scope += authority.fingerprint }
        return scope
    }
}

// MARK: Callbacks; whoever owns the connection keeps the context that they are given.

/// Takes the entry for the name that is asked for, before OpenSSL looks for a session: one that was
/// made for another entry is not taken up.
private func chooseByName(
    _ session: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?,
    _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let session = unsafe session, let context = unsafe context else { return 0 }
    let server = unsafe Unmanaged<TLSServerContext>.fromOpaque(context).takeUnretainedValue()
    // Also the first entry, where another was taken before: the hello that a server asks for again
    // (RFC 8446 §4.1.4) may name another host than the one before it, or none.
    let entry = unsafe server.entries[requestedName(session).map { server.entry(for: $0) } ?? 0]
    let handle = unsafe entry.base.handle
    unsafe SSL_set_SSL_CTX(session, handle)
    // The one thing of ours that does not come with the context.
    unsafe SSL_set_verify(session, SSL_CTX_get_verify_mode(handle), nil)
    return SSL_CLIENT_HELLO_SUCCESS
}

/// The name that the hello asks for, in lower case; nil where it asks for none. What is malformed
/// OpenSSL itself refuses, or it is nobody's.
private func requestedName(_ session: OpaquePointer) -> [UInt8]? {
    unsafe ServerName.value(of: session).flatMap { unsafe ServerName.read($0) }
}

/// Takes the first protocol of ours that the client speaks, too; without a common one the handshake
/// ends (RFC 7301 §3.2).
private func chooseProtocol(
    _ session: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
    _ length: UInt32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    guard let context = unsafe context, let chosen = unsafe chosen, let session = unsafe session
    else { return SSL_TLSEXT_ERR_NOACK }
    let entry = unsafe Unmanaged<TLSServerEntryContext>.fromOpaque(context).takeUnretainedValue()
    let first = unsafe entry.http2Length > 0 && !suitsHTTP2(session) ? entry.http2Length : 0
    let ours = unsafe entry.protocols
    var found: UnsafeMutablePointer<UInt8>?
    let result = unsafe SSL_select_next_proto(
        &found, chosenLength, ours.baseAddress.map { unsafe $0 + first },
        UInt32(ours.count - first), offered, length)
    // It points into our list, or into the client's, and is copied at once.
    unsafe chosen.pointee = UnsafePointer(found)
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Whether HTTP/2 may be spoken with the cipher suite that was chosen: of TLS 1.2 only those with
/// authenticated encryption and a fresh key exchange may be (RFC 9113 §9.2.2, appendix A).
private func suitsHTTP2(_ session: OpaquePointer) -> Bool {
    guard unsafe SSL_version(session) < TLS1_3_VERSION else { return true }
    guard let cipher = unsafe SSL_get_pending_cipher(session) else { return false }
    let exchange = unsafe SSL_CIPHER_get_kx_nid(cipher)
    return unsafe SSL_CIPHER_is_aead(cipher) == 1
        && (exchange == NID_kx_ecdhe || exchange == NID_kx_dhe)
}

/// Staples the OCSP response of the certificate in use (RFC 6066 §8).
private func stapleResponse(_ session: OpaquePointer?, _ context: UnsafeMutableRawPointer?)
    -> Int32
{
    guard let session = unsafe session, let context = unsafe context else {
        return SSL_TLSEXT_ERR_NOACK
    }
    let entry = unsafe Unmanaged<TLSServerEntryContext>.fromOpaque(context).takeUnretainedValue()
    let leaf = unsafe SSL_get_certificate(session)
    guard let identity = entry.identities.first(where: { unsafe $0.leaf.handle == leaf }),
        let staple = identity.staple, staple.isGood(now: time(nil))
    else { return SSL_TLSEXT_ERR_NOACK }
    // OpenSSL frees the copy.
    let length = staple.bytes.count
    let copy = unsafe methodgate_duplicate(staple.bytes, length)
    guard unsafe methodgate_staple(session, copy, length) == 1 else {
        return SSL_TLSEXT_ERR_NOACK
    }
    return SSL_TLSEXT_ERR_OK
}
