import COpenSSL
import Glibc
import HTTPSyntax
import TLS
import Testing

@testable import Transport

// Two ends of a Unix stream, one of them a server, with TLS between them.

/// Both ends of one connection; what callbacks are called is counted.
final class TLSPair {
    let base: EventBase
    let server: Ref<TestEnd>
    let client: Ref<TestEnd>
    let ciphertext = Ref<TLSCiphertext>.make(TLSCiphertext())
    let resumption = Ref<TLSResumption>.make(TLSResumption())

    static var certificate: SelfSigned { get throws { try made.get() } }
    private static let made = Result {
        try SelfSigned(commonName: "a.example", names: ["DNS:a.example", "IP:127.0.0.1"])
    }

    static func identity() throws -> TLSIdentity {
        let made = try certificate
        return try TLSIdentity(chain: made.certificate, key: made.key)
    }

    /// Leaves an error in this thread's queue, as something that fails and does not look does.
    static func leaveError() {
        let nonsense: [UInt8] = [0xff, 0xff]
        nonsense.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            X509_free(d2i_X509(nil, &next, 2))
        }
    }

    static func serverContext(protocols: [String] = ["http/1.1"]) throws -> TLSServerContext {
        try TLSServerContext(
            [TLSServerEntry(names: [], identities: [identity()])], TLSOptions(),
            protocols: protocols)
    }

    static func clientContext(
        name: String = "a.example", isAddress: Bool = false, protocols: [String] = ["http/1.1"]
    ) throws -> TLSClientContext {
        try TLSClientContext(
            name: name, isAddress: isAddress, trust: TrustStore(pem: certificate.certificate),
            identity: nil, TLSOptions(), protocols: protocols)
    }

    init() throws {
        base = try #require(EventBase())
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(socketpair(AF_UNIX, kind, 0, &ends) == 0)
        server = .open(ends[0], base)
        client = .open(ends[1], base)
    }

    deinit {
        for end in [server, client] {
            end.value.stream.close()
            end.destroy()
        }
        ciphertext.destroy()
        resumption.destroy()
    }

    /// Gives both ends their sessions.
    func begin(_ context: TLSServerContext, _ clientContext: TLSClientContext) throws {
        server.value.stream.begin(try #require(.accept(context, ciphertext)))
        let session = Ref<TLSSession>.connect(
            clientContext, resuming: resumption.value, ciphertext)
        client.value.stream.begin(try #require(session))
    }

    /// Both ends in turn until both have something to say of it; the server's end, then the client's.
    @discardableResult func shakeHands() -> (Ref<TLSSession>.Handshake, Ref<TLSSession>.Handshake) {
        var result = (Ref<TLSSession>.Handshake.pending, Ref<TLSSession>.Handshake.pending)
        for _ in 0..<10 where result.0 == .pending || result.1 == .pending {
            if result.1 == .pending { result.1 = client.value.stream.shakeHands() }
            if result.0 == .pending { result.0 = server.value.stream.shakeHands() }
        }
        return result
    }

    /// A pair that is ready for content.
    static func open() throws -> TLSPair {
        let pair = try TLSPair()
        try pair.begin(serverContext(), clientContext())
        let result = pair.shakeHands()
        try #require(result == (.complete, .complete))
        return pair
    }
}

struct TestEnd: ~Copyable {
    var stream: ByteStream
    var readable = 0
    var writable = 0
}

extension Ref<TestEnd> {
    static func open(_ descriptor: Int32, _ base: EventBase) -> Ref<TestEnd> {
        .make { context in
            TestEnd(
                stream: ByteStream(
                    descriptor, on: base,
                    readable: { _, _, context in
                        guard let context else { return }
                        Ref<TestEnd>(context: context).value.readable += 1
                    },
                    writable: { _, _, context in
                        guard let context else { return }
                        Ref<TestEnd>(context: context).value.writable += 1
                    }, context: context))
        }
    }

    // The test macros take no value apart that cannot be copied.
    var tls: Ref<TLSSession>? { value.stream.tls }
    var descriptor: Int32 { value.stream.descriptor }
    func shakeHands() -> Ref<TLSSession>.Handshake { value.stream.shakeHands() }
    var isSilent: Bool { value.stream.isSilent }
    func mayHoldMore(after count: Int, in space: MutableByteView) -> Bool {
        value.stream.mayHoldMore(after: count, in: space)
    }

    /// Sends as much as there is room for.
    func send(_ bytes: [UInt8]) -> Int {
        bytes.withView {
            if case .bytes(let count) = value.stream.send($0) { count } else { 0 }
        }
    }

    /// One read.
    func receive(atMost room: Int = 65536) -> (result: IOResult, bytes: [UInt8]) {
        var buffer = ByteBuffer()
        let space = buffer.space(atLeast: room).slice(0, room)
        let result = value.stream.receive(into: space)
        guard case .bytes(let count) = result else { return (result, []) }
        return (result, space.view.slice(0, count).bytes)
    }

    /// Reads until nothing is left, or the end.
    func receiveAll(by room: Int = 65536) -> [UInt8] {
        var all: [UInt8] = []
        while case (.bytes, let bytes) = receive(atMost: room) { all += bytes }
        return all
    }
}
