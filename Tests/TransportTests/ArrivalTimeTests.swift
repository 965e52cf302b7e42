import Glibc
import HTTPSyntax
import Testing

@testable import Transport

@Suite struct ArrivalTimeTests {
    /// A connection by `Connector`, and its other end.
    private func pair(_ body: (Int32, Int32) throws -> Void) throws {
        let address = try #require(SocketAddress.ipv4("127.0.0.1", port: 0))
        let listener = try Listener.bind(address, workers: 1)[0]
        let descriptor: Int32
        switch Connector.connect(to: listener.address) {
        case .connected(let new), .connecting(let new): descriptor = new
        case .failed(let code): throw ListenError(address: "", step: "connect", code: code)
        }
        defer { Socket.close(descriptor) }
        var entry = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 10_000) == 1)
        guard case .connection(let other, _) = listener.accept() else {
            Issue.record("not accepted")
            return
        }
        defer { Socket.close(other) }
        try body(descriptor, other)
    }

    private func wait(_ descriptor: Int32) {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 10_000) == 1)
    }

    @Test func `bytes come with the time at which they came`() throws {
        // The kernel begins to note it a moment after the first socket has asked.
        try pair { descriptor, other in
            var arrival: Int64 = 0
            for _ in 0..<1000 where arrival == 0 {
                let before = Clock.wallNanoseconds()
                #expect(send(other, "abc", 3, 0) == 3)
                wait(descriptor)
                let between = Clock.wallNanoseconds()
                usleep(2000)
                var buffer = ByteBuffer(capacity: 100)
                let (result, time) = Socket.receiveNoting(
                    descriptor, into: buffer.space(atLeast: 100))
                guard case .bytes(3) = result else {
                    Issue.record("\(result)")
                    return
                }
                arrival = time
                if arrival != 0 { #expect(arrival >= before && arrival <= between) }
            }
            #expect(arrival != 0)
        }
    }

    @Test func `nothing, an end and a failure are told as without it`() throws {
        try pair { descriptor, other in
            var buffer = ByteBuffer(capacity: 100)
            if case .wouldBlock = Socket.receiveNoting(
                descriptor, into: buffer.space(atLeast: 100)
            ).result {
            } else {
                Issue.record("something came")
            }
            Socket.shutdownWrite(other)
            wait(descriptor)
            let (result, time) = Socket.receiveNoting(
                descriptor, into: buffer.space(atLeast: 100))
            if case .endOfStream = result {} else { Issue.record("\(result)") }
            #expect(time == 0)
            if case .failed(EBADF) = Socket.receiveNoting(
                -1, into: buffer.space(atLeast: 100)
            ).result {
            } else {
                Issue.record("a bad descriptor is one")
            }
        }
    }
}
