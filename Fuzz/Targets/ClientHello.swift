// The first bytes of a client of TLS, through OpenSSL and all that the gate has it call on the way:
// which certificate answers for the name that is asked for (SNI), which protocol is spoken (ALPN),
// tickets, a stapled response.

import Glibc
import HTTPSyntax
import StrictHTTP
import TLS
import Transport

extension FuzzTarget {
    /// A client's first records, of which OpenSSL makes the same however they are split; where it
    /// goes on with the handshake, it does so by the entry and with the protocol that another
    /// reader of the same bytes comes to. Text is given back as it came.
    static let clientHello = FuzzTarget("client-hello", longest: 2048) { input throws(Finding) in
        guard !input.isEmpty else { return }
        let whole = try greet(input, cutAt: [input.count])
        for cuts in Splitting.cuts(of: input) {
            let split = try greet(input, cutAt: cuts)
            try require(split, equals: whole, "cut at \(cuts.prefix(64))")
        }
        // A request, or the empty lines that may come before one (RFC 9112 §2.2).
        let isText = (0x21...0x7E).contains(input[0]) || [0x0D, 0x0A].contains(input[0])
        try require((whole.step == .plaintext) == isText, "\(whole.step) by \(input[0])")
        // The server's share of the key is new each time.
        try require(whole.step != .complete, "a handshake without a key")
        try require((whole.step == .failed) != whole.failure.isEmpty, "a failure has a reason")
        try require(!isText || whole.said == ServerMessages(), "text is answered by the gate")
        guard whole.said.hellos > 0 else { return }
        try require(whole.said.hellos == 1 && whole.said.retries < 2, "\(whole.said)")
        try checkChoice(whole, ClientHelloReader(input).hellos)
    }

    /// The server has chosen.
    private static func checkChoice(
        _ outcome: HelloOutcome, _ hellos: [ReadClientHello]
    ) throws(Finding) {
        // One in the form of SSL 2 has no extensions.
        let last = hellos.dropFirst(outcome.said.retries).first ?? ReadClientHello()
        let name = last.name ?? []
        try require(outcome.serverName, equals: name, "the name that is reported")
        try require(outcome.entry, equals: HelloServer.entry(for: name), "the entry of \(name)")
        let common = HelloServer.protocols.map { Bytes($0.utf8) }.first { ours in
            last.protocols?.contains(ours) ?? false
        }
        try require(common != nil || last.protocols == nil, "no protocol is common")
        try require(outcome.applicationProtocol, equals: common ?? [], "the protocol")
    }

    /// Lets a new session have the bytes in those pieces.
    private static func greet(_ input: Bytes, cutAt cuts: [Int]) throws(Finding) -> HelloOutcome {
        guard var server = HelloServer() else { throw Finding("no server") }
        defer { server.close() }
        var outcome = HelloOutcome()
        var start = 0
        for end in cuts {
            server.say(Bytes(input[start..<end]))
            outcome.step = server.stream.shakeHands()
            start = end
            if outcome.step != .pending { break }
        }
        outcome.said = ServerMessages(server.heard())
        server.describe(&outcome)
        if outcome.step == .plaintext {
            var kept = ByteBuffer()
            server.stream.dropTLS(into: &kept)
            try require(kept.view.bytes, equals: Bytes(input[..<start]), "text that is kept")
        }
        return outcome
    }
}

/// What the gate makes of the first bytes of a client.
private struct HelloOutcome: Equatable {
    var step = Ref<TLSSession>.Handshake.pending
    var failure = Bytes()
    var said = ServerMessages()
    /// Once it has said hello.
    var applicationProtocol = Bytes()
    var serverName = Bytes()
    var entry: Int?
}

/// The messages of a server that are not encrypted, as far as they matter.
private struct ServerMessages: Equatable {
    var hellos = 0
    var retries = 0
    /// Descriptions (RFC 8446 §6).
    var alerts = Bytes()

    init() {}

    init(_ bytes: Bytes) {
        // The random of a server that asks for another hello begins so (RFC 8446 §4.1.3).
        let retry: Bytes = [0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11]
        var rest = bytes[...]
        while rest.count >= 5 {
            let length = Int(rest[rest.startIndex + 3]) << 8 | Int(rest[rest.startIndex + 4])
            let kind = rest[rest.startIndex]
            let record = Bytes(rest.dropFirst(5).prefix(length))
            rest = rest.dropFirst(5 + length)
            if kind == 21, record.count == 2 { alerts.append(record[1]) }
            guard kind == 22, record.first == 2 else { continue }
            if record.dropFirst(6).starts(with: retry) { retries += 1 } else { hellos += 1 }
        }
    }
}

/// A session of ours at one end of a pair of sockets.
private struct HelloServer: ~Copyable {
    static let protocols = ["h2", "http/1.1"]
    /// One of each entry.
    private static let hosts = ["z.example", "a.example", "b.example", "c.example"]

    var stream: ByteStream
    private let peer: Int32

    init?() {
        guard let context = try? Self.context.get(), let base = unsafe Self.base else { return nil }
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0,
            let session = unsafe Ref<TLSSession>.accept(context, Self.ciphertext)
        else { return nil }
        // Nothing is watched, so that no callback gets the context.
        stream = unsafe ByteStream(
            ends[0], on: base, readable: { _, _, _ in }, writable: { _, _, _ in },
            context: session.context)
        peer = ends[1]
        stream.begin(session)
    }

    mutating func close() {
        stream.close()
        Socket.close(peer)
    }

    func say(_ bytes: Bytes) { _ = bytes.withView { Socket.send(peer, $0) } }

    /// All that the server has said.
    func heard() -> Bytes {
        var buffer = ByteBuffer()
        var bytes = Bytes()
        let space = buffer.space(atLeast: 1 << 14)
        while case .bytes(let count) = Socket.receive(peer, into: space) {
            bytes += space.view.slice(0, count).bytes
        }
        return bytes
    }

    /// Adds what the session says of itself.
    func describe(_ outcome: inout HelloOutcome) {
        guard let session = stream.tls else { return }
        outcome.failure = session.failure.bytes
        guard outcome.said.hellos > 0 else { return }
        session.describePeer()
        outcome.applicationProtocol = session.applicationProtocol.bytes
        outcome.serverName = session.serverName.bytes
        let own = Self.hosts.indices.filter { index in
            Bytes(Self.hosts[index].utf8).withView { !session.isMisdirected(host: $0) }
        }
        outcome.entry = own.count == 1 ? own[0] : nil
    }

    /// The entry for a name as a client sends it, by comparing texts.
    static func entry(for name: Bytes) -> Int {
        var text = String(latin1: name).lowercased()
        if text.hasSuffix(".") { text.removeLast() }
        if let index = hosts.firstIndex(of: text) { return index }
        let isOne =
            text.hasSuffix(".b.example")
            && text.split(
                separator: ".", omittingEmptySubsequences: false
            ).count == 3
        return isOne ? 2 : 0
    }

    // MARK: What is there once for the process

    /// Each entry asks something else of clients, so that requests tell which one a session has.
    private static let context = Result {
        let one = try SelfSigned(commonName: "a.example", names: ["DNS:a.example"])
        let other = try SelfSigned(commonName: "b.example", names: ["DNS:b.example"], .rsa)
        let identities = try [
            TLSIdentity(chain: one.certificate, key: one.key),
            TLSIdentity(chain: other.certificate, key: other.key, staple: [0x30, 0x03, 1, 2, 3]),
        ]
        var entries = [
            TLSServerEntry(names: [], identities: identities),
            TLSServerEntry(names: ["a.example"], identities: [identities[0]]),
            TLSServerEntry(names: ["*.b.example", "b.example"], identities: [identities[1]]),
            TLSServerEntry(names: ["c.example"], identities: identities),
        ]
        entries[1].clients = .request
        entries[1].authorities = try TrustStore(pem: one.certificate)
        entries[2].clients = .require
        entries[2].authorities = try TrustStore(pem: one.certificate)
        entries[3].clients = .require
        entries[3].authorities = try TrustStore(pem: other.certificate)
        return try TLSServerContext(entries, TLSOptions(), protocols: protocols)
    }

    /// Used by one thread.
    nonisolated(unsafe) private static let base = EventBase()
    nonisolated(unsafe) private static let ciphertext = Ref<TLSCiphertext>.make(TLSCiphertext())
}
