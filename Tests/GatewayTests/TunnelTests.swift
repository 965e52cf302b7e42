import HTTPSyntax
import Testing

@testable import Gateway

extension Tunnel {
    /// Does all that is to be done while nothing waits.
    fileprivate mutating func steps(toClient: Bool = false, toBackend: Bool = false) -> [Step] {
        var steps: [Step] = []
        while true {
            let step = next(toClient: toClient, toBackend: toBackend)
            guard step != .wait else { return steps }
            steps.append(step)
            if step == .close { return steps }
        }
    }
}

@Suite struct TunnelTests {
    @Test func `a tunnel waits until a side has ended`() {
        var tunnel = Tunnel()
        #expect(tunnel.steps() == [])
        tunnel.passed(3, from: .client)
        tunnel.passed(4, from: .backend)
        tunnel.passed(5, from: .client)
        #expect(tunnel.steps() == [])
        #expect(tunnel.bytes(from: .client) == 8 && tunnel.bytes(from: .backend) == 4)
        #expect(!tunnel.hasEnded(.client) && !tunnel.hasEnded(.backend))
    }

    @Test(arguments: [(Tunnel.Side.client, Tunnel.End.byClient), (.backend, .byBackend)])
    func `an end is passed on, and the other direction goes on`(
        _ side: Tunnel.Side, _ end: Tunnel.End
    ) {
        var tunnel = Tunnel()
        tunnel.ended(side)
        #expect(tunnel.hasEnded(side) && !tunnel.hasEnded(side.other))
        #expect(tunnel.steps() == [.finish(side.other)])
        #expect(tunnel.steps() == [])
        tunnel.passed(9, from: side.other)
        tunnel.ended(side.other)
        #expect(tunnel.steps() == [.finish(side), .close])
        #expect(tunnel.end == end && tunnel.end.isOrderly)
    }

    @Test func `an end waits for the bytes before it`() {
        var tunnel = Tunnel()
        tunnel.ended(.client)
        tunnel.ended(.backend)
        #expect(tunnel.steps(toClient: true, toBackend: true) == [])
        #expect(tunnel.backendTakesBytes)
        #expect(tunnel.steps(toClient: true) == [.finish(.backend)])
        #expect(tunnel.steps(toClient: true) == [])
        #expect(tunnel.steps() == [.finish(.client), .close])
    }

    @Test func `a backend that takes no more is still read to its end`() {
        var tunnel = Tunnel()
        tunnel.backendStoppedReading()
        #expect(tunnel.steps(toBackend: true) == [])
        #expect(tunnel.hasEnded(.client) && !tunnel.backendTakesBytes)
        tunnel.ended(.backend)
        #expect(tunnel.steps(toClient: true) == [])
        #expect(tunnel.steps() == [.finish(.client), .close])
        #expect(tunnel.end == .byBackend)
    }

    @Test func `the first reason to cut it off is the one`() {
        var tunnel = Tunnel()
        tunnel.cut(.drained)
        tunnel.cut(.idle)
        tunnel.timedOut()
        #expect(tunnel.end == .drained && !tunnel.end.isOrderly)
    }

    @Test func `what is closed before its end has lost its client`() {
        var tunnel = Tunnel()
        #expect(tunnel.end == .clientBroke)
        tunnel.ended(.backend)
        _ = tunnel.steps()
        #expect(tunnel.end == .clientBroke)
    }

    @Test(
        arguments: [
            ([], Tunnel.End.idle), ([.client], .backendLingered), ([.backend], .clientLingered),
            ([.client, .backend], .idle),
        ] as [([Tunnel.Side], Tunnel.End)])
    func `a time that is over is its who has not ended`(_ ended: [Tunnel.Side], _ end: Tunnel.End) {
        var tunnel = Tunnel()
        for side in ended { tunnel.ended(side) }
        tunnel.timedOut()
        #expect(tunnel.end == end)
    }

    @Test func `every reason has a sentence of its own`() {
        let texts = Tunnel.End.allCases.map { "\($0.text)" }
        #expect(Set(texts).count == texts.count)
        #expect(Tunnel.End.allCases.filter(\.isOrderly) == [.byClient, .byBackend])
    }

    // MARK: The handshake

    @Test(arguments: [
        // RFC 6455 §1.3 and §4.2.2.
        ("dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        ("x3JJHMbDL1EzLkh9GBhXDw==", "HSmrc0sMlYUkAGmm5OPpG2HaGWk="),
    ])
    func `a proof is that of RFC 6455`(_ key: String, _ proof: String) {
        var buffer = ByteBuffer()
        key.withView { WebSocketHandshake.appendProof(of: $0, to: &buffer) }
        #expect(buffer.view.text == proof)
    }
}
