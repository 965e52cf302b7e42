// TLS as a test speaks it: by OpenSSL on the socket itself, so that the gate's own way through
// memory is met by another one.

import COpenSSL
import Foundation
import Glibc
import TLS

/// What a client or a backend of a test is, and whom it believes.
public struct TestTLS: @unchecked Sendable {
    /// A certificate that is made once for all tests: for `localhost`, `a.example`, 127.0.0.1.
    package static var certificate: SelfSigned { get throws { try made.get() } }
    private static let made = Result {
        try SelfSigned(
            commonName: "a.example",
            names: ["DNS:a.example", "DNS:localhost", "DNS:*.wild.example", "IP:127.0.0.1"])
    }

    /// SNI; nil: none.
    public var name: String? = "a.example"
    /// Of a client: what it offers (ALPN).
    public var protocols: [String] = []
    /// Of a server: it agrees to `h2` where that is offered (ALPN).
    public var takesHTTP2 = false
    /// As PEM, with its key.
    package var identity: SelfSigned?
    /// The identity's certificate as an authority has signed it, as PEM; nil: as it is.
    package var signed: Bytes?
    /// A session to take up.
    public var session: TLSTicket?
    /// 0x0303 and so on.
    public var maximum: Int32 = 0
    /// Of a server: any certificate will do, but one is asked for.
    public var asksForCertificate = false
    /// Of a server: one of the system's is demanded, which nobody has.
    public var demandsCertificate = false
    /// Of a server: its context, where connections share one so that sessions can be taken up.
    var context: SharedContext?
    /// For what is not TLS at the beginning of the connection.
    public var preamble: Bytes = []

    public init(name: String? = "a.example") { self.name = name }

    /// A backend with the shared certificate.
    public static var server: TestTLS {
        get throws {
            var settings = TestTLS(name: nil)
            settings.identity = try certificate
            return settings
        }
    }

    /// The same for all connections, which can so take up each other's sessions.
    public static var sharedServer: TestTLS {
        get throws {
            var settings = try server
            settings.context = SharedContext()
            return settings
        }
    }
}

/// A server's SSL_CTX, made with its first connection.
final class SharedContext: @unchecked Sendable {
    private let lock = NSLock()
    private var handle: OpaquePointer?

    /// Counts a reference for the caller.
    func get(_ make: () throws -> OpaquePointer) rethrows -> OpaquePointer {
        try lock.withLock {
            let made = try handle ?? make()
            handle = made
            SSL_CTX_up_ref(made)
            return made
        }
    }

    deinit { SSL_CTX_free(handle) }
}

/// A session that a server gave.
public final class TLSTicket: @unchecked Sendable {
    let handle: OpaquePointer
    init(_ handle: OpaquePointer) { self.handle = handle }
    deinit { SSL_SESSION_free(handle) }
}

public struct TLSLayerError: Error, CustomStringConvertible {
    public let description: String

    static func last(_ what: String) -> TLSLayerError {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        let reason = ERR_reason_error_string(code).map { String(cString: $0) }
        return TLSLayerError(description: "\(what): \(reason ?? "the connection broke")")
    }
}

/// TLS over one socket; its calls wait.
public final class TLSLayer: @unchecked Sendable {
    private let lock = NSRecursiveLock()
    private let context: OpaquePointer
    let handle: OpaquePointer
    /// It owns this layer.
    private unowned let socket: Socket
    private var isBroken = false

    init(_ socket: Socket, asServer: Bool, _ settings: TestTLS, _ deadline: Deadline) throws {
        self.socket = socket
        // OpenSSL writes to the socket by write(2).
        signal(SIGPIPE, SIG_IGN)
        let make = { () throws -> OpaquePointer in try Self.makeContext(asServer, settings) }
        context = try settings.context?.get(make) ?? make()
        handle = SSL_new(context)
        SSL_set_fd(handle, socket.descriptor)
        if asServer {
            SSL_set_accept_state(handle)
        } else {
            SSL_set_connect_state(handle)
            if let name = settings.name { _ = methodgate_set_name(handle, name) }
            let list = settings.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            if !list.isEmpty { SSL_set_alpn_protos(handle, list, UInt32(list.count)) }
            if let session = settings.session { SSL_set_session(handle, session.handle) }
        }
        while true {
            // What another connection has left would be taken for this one's (SSL_get_error).
            ERR_clear_error()
            let result = SSL_do_handshake(handle)
            if result == 1 { return }
            try wait(after: result, deadline, "handshake")
        }
    }

    deinit {
        SSL_free(handle)
        SSL_CTX_free(context)
    }

    private static func makeContext(
        _ asServer: Bool, _ settings: TestTLS
    ) throws -> OpaquePointer {
        guard let context = SSL_CTX_new(asServer ? TLS_server_method() : TLS_client_method())
        else { throw TLSLayerError.last("context") }
        if settings.maximum > 0 { _ = methodgate_set_maximum(context, settings.maximum) }
        _ = methodgate_set_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        if settings.asksForCertificate {
            SSL_CTX_set_verify(context, SSL_VERIFY_PEER) { _, _ in 1 }
        }
        if settings.demandsCertificate {
            let mode = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
            SSL_CTX_set_verify(context, mode, nil)
        }
        if settings.takesHTTP2 {
            SSL_CTX_set_alpn_select_cb(context, chooseHTTP2, nil)
        }
        if let identity = settings.identity {
            try use(settings.signed ?? identity.certificate, identity.key, context)
        }
        return context
    }

    private static func use(
        _ certificate: Bytes, _ key: Bytes, _ context: OpaquePointer
    ) throws {
        let certificate = certificate.withUnsafeBytes { bytes in
            let reader = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(reader) }
            return PEM_read_bio_X509(reader, nil, nil, nil)
        }
        let key = key.withUnsafeBytes { bytes in
            let reader = BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count))
            defer { BIO_free(reader) }
            return PEM_read_bio_PrivateKey(reader, nil, nil, nil)
        }
        defer {
            X509_free(certificate)
            EVP_PKEY_free(key)
        }
        guard SSL_CTX_use_certificate(context, certificate) == 1,
            SSL_CTX_use_PrivateKey(context, key) == 1
        else { throw TLSLayerError.last("certificate") }
    }

    private func wait(after result: Int32, _ deadline: Deadline, _ what: String) throws {
        switch SSL_get_error(handle, result) {
        case SSL_ERROR_WANT_READ: try socket.wait(for: POLLIN, deadline, what)
        case SSL_ERROR_WANT_WRITE: try socket.wait(for: POLLOUT, deadline, what)
        case SSL_ERROR_SYSCALL where errno == ECONNRESET || errno == EPIPE:
            isBroken = true
            ERR_clear_error()
            throw SocketError(call: what, code: ECONNRESET)
        default:
            isBroken = true
            throw TLSLayerError.last(what)
        }
    }

    /// What has arrived; empty at the end, which must be announced.
    func read(atMost count: Int, _ deadline: Deadline) throws -> Bytes {
        while true {
            let bytes: Bytes? = try lock.withLock {
                var result: Int32 = 0
                let bytes = Bytes(unsafeUninitializedCapacity: count) { buffer, used in
                    ERR_clear_error()
                    result = SSL_read(handle, buffer.baseAddress, Int32(count))
                    used = Int(max(0, result))
                }
                if result > 0 { return bytes }
                let error = SSL_get_error(handle, result)
                if error == SSL_ERROR_ZERO_RETURN { return [] }
                if error == SSL_ERROR_WANT_READ { return nil }
                try wait(after: result, deadline, "TLS")
                return nil
            }
            if let bytes { return bytes }
            try socket.wait(for: POLLIN, deadline, "waiting for bytes")
        }
    }

    func write(_ bytes: Bytes, _ deadline: Deadline) throws {
        var sent = 0
        while sent < bytes.count {
            let rest = Bytes(bytes[sent...].prefix(16384))
            while true {
                let (result, error) = lock.withLock {
                    ERR_clear_error()
                    let result = SSL_write(handle, rest, Int32(rest.count))
                    return (result, result > 0 ? 0 : SSL_get_error(handle, result))
                }
                if result > 0 { break }
                guard error == SSL_ERROR_WANT_WRITE else {
                    try wait(after: result, deadline, "sending")
                    continue
                }
                try socket.wait(for: POLLOUT, deadline, "waiting for room to send")
            }
            sent += rest.count
        }
    }

    /// Says that nothing more follows.
    func sayEnd() {
        lock.withLock {
            guard !isBroken else { return }
            _ = SSL_shutdown(handle)
            ERR_clear_error()
        }
    }

    // MARK: What was agreed on

    public var version: String { String(cString: SSL_get_version(handle)) }
    public var cipher: String {
        String(cString: SSL_CIPHER_standard_name(SSL_get_current_cipher(handle)))
    }
    /// The name that the client asked for.
    public var serverName: String {
        SSL_get_servername(handle, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) } ?? ""
    }
    public var isResumed: Bool { SSL_session_reused(handle) == 1 }
    /// To be asked once an answer has been read: tickets come after the handshake.
    public var ticket: TLSTicket? { SSL_get1_session(handle).map(TLSTicket.init) }
    /// SHA-256 of the other side's certificate.
    public var peerFingerprint: Bytes {
        guard let certificate = SSL_get1_peer_certificate(handle) else { return [] }
        defer { X509_free(certificate) }
        var digest = Bytes(repeating: 0, count: 32)
        var length: UInt32 = 32
        X509_digest(certificate, EVP_sha256(), &digest, &length)
        return digest
    }
    public var applicationProtocol: String {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(handle, &name, &length)
        return String(
            decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }
}

/// Agrees to `h2`, where that is offered.
private func chooseHTTP2(
    _: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ length: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?, _ count: UInt32,
    _: UnsafeMutableRawPointer?
) -> Int32 {
    var offset = 0
    while let offered, offset < Int(count) {
        let size = Int(offered[offset])
        if Array(UnsafeBufferPointer(start: offered + offset + 1, count: size)) == Array("h2".utf8)
        {
            chosen?.pointee = offered + offset + 1
            length?.pointee = UInt8(size)
            return SSL_TLSEXT_ERR_OK
        }
        offset += 1 + size
    }
    return SSL_TLSEXT_ERR_NOACK
}
