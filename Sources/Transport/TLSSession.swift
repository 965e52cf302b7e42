internal import COpenSSL
internal import Glibc
package import HTTPSyntax
package import TLS

// One TLS connection over a socket that OpenSSL never sees. `ByteStream` asks it instead of the
// socket, and its `receive` and `send` mean the same as the socket's.

/// An SSL object with the ciphertext that waits on either side of it.
///
/// It is told what was received and what to send; at no time does it hold more than one read of
/// ciphertext and one batch of output.
@safe package struct TLSSession: ~Copyable {
    /// Owned; freed in `deinit`.
    let handle: OpaquePointer
    let ciphertext: Ref<TLSCiphertext>
    let isServer: Bool
    /// The context that `handle` was made of, whose callbacks need it.
    private let keeper: AnyObject
    /// The same, of a server.
    let server: TLSServerContext?
    /// Received and not yet read by OpenSSL: of `ciphertext.input`, or of `kept`. Empty between
    /// two calls.
    var window = ByteView.empty
    /// What the window still held when its reader had no more room.
    var kept = ByteBuffer()
    /// Output that the kernel has not taken.
    var unsent = ByteBuffer()
    /// Bytes whose ciphertext is among `unsent`: encrypted, and not yet reported as sent.
    var owed = 0
    /// Sending has failed: nothing more goes out.
    var isMute = false
    var state = State.handshake
    /// The last read may have left something behind: on the socket, in `kept` or in OpenSSL.
    var mayHoldMore = false
    /// Reads note when ciphertext came.
    var notesArrival = false
    /// When the last of it came that was read so, in nanoseconds since 1970; 0: nobody knows.
    var arrival: Int64 = 0
    /// A record was decrypted only in part.
    var hasPending = false
    /// Steps for messages of TLS itself since the handshake, and bytes of content that the peer has
    /// sent.
    var steps: UInt64 = 0
    var content: UInt64 = 0
    /// Anything has come from the peer.
    var hasInput = false
    /// Why the session has failed; lives as long as the process.
    var failure = ByteView.empty
    var fault = TLSFault.other
    /// The entry of the listener that it was set up by, and the client's subject.
    var entry = 0
    var subject = ByteBuffer()

    enum State: UInt8 {
        case handshake
        case open
        /// The peer has said that it sends no more.
        case ended
        case failed
    }

    /// Bytes that are encrypted before they are sent, at most.
    static let batch = 64 * 1024
    /// Bytes of one record (RFC 8446 §5.1).
    static let record = 16 * 1024
    /// Ciphertext that nobody asked for (answers to key updates) and the peer does not take.
    static let unsentLimit = 256 * 1024
    /// Reads in one call that bring nothing for the reader, before others get their turn.
    static let vainReads = 8

    fileprivate init(
        _ handle: OpaquePointer, of keeper: AnyObject, isServer: Bool,
        _ ciphertext: Ref<TLSCiphertext>
    ) {
        unsafe self.handle = handle
        self.ciphertext = ciphertext
        self.isServer = isServer
        self.keeper = keeper
        server = keeper as? TLSServerContext
    }

    deinit { unsafe SSL_free(handle) }
}

extension Ref<TLSSession> {
    /// Bytes have come that were not given to the reader: no edge of the socket tells of them.
    var holdsInput: Bool {
        value.hasPending || !value.kept.isEmpty || value.state == .ended || value.state == .failed
    }

    /// The handshake has begun and is not complete.
    var isShakingHands: Bool { value.state == .handshake && value.hasInput }

    /// Anything has come from the peer at all.
    package var hasInput: Bool { value.hasInput }

    /// Ciphertext waits for the kernel.
    var hasUnsent: Bool { !value.unsent.isEmpty }

    /// Why it has failed, for the operator; lives as long as the process.
    package var failure: ByteView { value.failure }

    /// The application protocol that both sides agreed on (ALPN); empty where none. Valid as long as
    /// the session.
    package var applicationProtocol: ByteView {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        unsafe SSL_get0_alpn_selected(value.handle, &name, &length)
        guard let name = unsafe name else { return .empty }
        return unsafe ByteView(base: name, count: Int(length))
    }

    /// A session with a client that is about to say hello; nil where no memory is left.
    package static func accept(
        _ context: TLSServerContext, _ ciphertext: Ref<TLSCiphertext>
    ) -> Ref<TLSSession>? {
        guard let handle = unsafe context.makeSession() else { return nil }
        return unsafe make(handle, of: context, isServer: true, ciphertext)
    }

    /// A session with a server that is about to be greeted; nil where no memory is left.
    package static func connect(
        _ context: TLSClientContext, resuming resumption: borrowing TLSResumption,
        _ ciphertext: Ref<TLSCiphertext>
    ) -> Ref<TLSSession>? {
        guard let handle = unsafe context.makeSession(resumption) else { return nil }
        return unsafe make(handle, of: context, isServer: false, ciphertext)
    }

    /// Takes `handle` over.
    private static func make(
        _ handle: OpaquePointer, of keeper: AnyObject, isServer: Bool,
        _ ciphertext: Ref<TLSCiphertext>
    ) -> Ref<TLSSession>? {
        let session = Ref.make(
            unsafe TLSSession(handle, of: keeper, isServer: isServer, ciphertext))
        guard let bio = unsafe TLSBytes.make(session.context) else {
            session.destroy()
            return nil
        }
        unsafe SSL_set_bio(handle, bio, bio)
        unsafe SSL_set_ex_data(handle, 0, session.context)
        return session
    }
}
