import COpenSSL
import Glibc
import HTTPSyntax
import TLS
import Testing

@testable import Transport

@Suite struct TLSStreamTests {
    private func pattern(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    @Test func `bytes pass in both directions after the handshake`() throws {
        let pair = try TLSPair.open()
        #expect(pair.client.send(Array("ping".utf8)) == 4)
        #expect(pair.server.receiveAll() == Array("ping".utf8))
        #expect(pair.server.send(Array("pong".utf8)) == 4)
        #expect(pair.client.receiveAll() == Array("pong".utf8))
        #expect(pair.server.tls?.applicationProtocol.text == "http/1.1")
    }

    // OpenSSL keeps its errors by thread, and looks at them to tell a failure from a wait: here, for
    // the rest of a record that has come in part.
    @Test func `what another session has failed by is not taken for its own failure`() throws {
        let pair = try TLSPair.open()
        let content = pattern(200_000)
        var sent = 0
        var all: [UInt8] = []
        for _ in 0..<100 where all.count < content.count {
            if sent < content.count {
                sent += Swift.max(0, pair.client.send(Array(content[sent...])))
            }
            TLSPair.leaveError()
            while case (.bytes, let bytes) = pair.server.receive(atMost: 131072) {
                all += bytes
                TLSPair.leaveError()
            }
        }
        #expect(all == content)
    }

    // Each costs a new key, and OpenSSL bounds none (RFC 8446 §4.6.3).
    @Test(arguments: [SSL_KEY_UPDATE_NOT_REQUESTED, SSL_KEY_UPDATE_REQUESTED], [0, 1, 100])
    func `a flood of key updates ends the session`(_ kind: Int32, _ content: Int) throws {
        let pair = try TLSPair.open()
        var count = 0
        while count < 2000, pair.server.tls?.value.state == .open {
            #expect(SSL_key_update(pair.client.tls?.value.handle, kind) == 1)
            if content == 0 {
                SSL_do_handshake(pair.client.tls?.value.handle)
                _ = pair.client.tls?.sendOutput(pair.client.descriptor)
            } else {
                _ = pair.client.send(pattern(content))
            }
            _ = pair.server.receiveAll()
            _ = pair.client.receiveAll()
            // It counts its own as well.
            pair.client.tls?.value.steps = 0
            count += 1
        }
        // Four steps of OpenSSL each, or seven, of 256.
        #expect((kind == SSL_KEY_UPDATE_REQUESTED ? 36...38 : 64...66).contains(count))
        guard case .failed(EPROTO) = pair.server.receive().result else {
            Issue.record("it goes on")
            return
        }
    }

    @Test(arguments: [true, false])
    func `a flood from a server ends the session, too`(_ isOfTickets: Bool) throws {
        let pair = try TLSPair.open()
        let handle = pair.server.tls?.value.handle
        var count = 0
        while count < 2000, pair.client.tls?.value.state == .open {
            if isOfTickets {
                #expect(SSL_new_session_ticket(handle) == 1)
            } else {
                #expect(SSL_key_update(handle, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
            }
            _ = pair.server.send([1])
            _ = pair.client.receiveAll()
            count += 1
        }
        #expect((20...257).contains(count))
    }

    @Test func `many key updates in one read end it amid them`() throws {
        let pair = try TLSPair.open()
        // As many as the socket takes.
        var sent = 0
        for _ in 0..<270 {
            SSL_key_update(pair.client.tls?.value.handle, SSL_KEY_UPDATE_NOT_REQUESTED)
            sent += pair.client.send([1])
        }
        #expect(sent > 260)
        let read = pair.server.receiveAll()
        #expect((50...257).contains(read.count))
        #expect(pair.server.tls?.value.steps ?? 0 < 300)
    }

    @Test func `new keys for much content are no flood`() throws {
        let pair = try TLSPair.open()
        let content = pattern(65536)
        for _ in 0..<1000 {
            SSL_key_update(pair.client.tls?.value.handle, SSL_KEY_UPDATE_NOT_REQUESTED)
            #expect(pair.client.send(content) == content.count)
            #expect(pair.server.receiveAll().count == content.count)
        }
    }

    @Test func `a stream is not silent as long as anything waits for its reader`() throws {
        let pair = try TLSPair.open()
        // Tickets.
        _ = pair.client.receiveAll()
        #expect(pair.client.isSilent)
        #expect(pair.server.send(pattern(2000)) == 2000)
        #expect(!pair.client.isSilent)
        // The socket is empty, and half of the record is not read.
        #expect(pair.client.receive(atMost: 1000).bytes.count == 1000)
        #expect(!pair.client.isSilent)
        #expect(pair.client.receive().bytes.count == 1000)
        #expect(pair.client.isSilent)
    }

    @Test func `bytes that come with the end of the handshake are not lost`() throws {
        let pair = try TLSPair()
        try pair.begin(TLSPair.serverContext(), TLSPair.clientContext())
        // Hello, the server's flight, and the client is done before the server is.
        #expect(pair.client.shakeHands() == .pending)
        #expect(pair.server.shakeHands() == .pending)
        #expect(pair.client.shakeHands() == .complete)
        #expect(pair.client.send(Array("early".utf8)) == 5)
        #expect(pair.server.shakeHands() == .complete)
        #expect(pair.server.receiveAll() == Array("early".utf8))
    }

    @Test(arguments: [1, 100, 5000, 16384, 16385, 131072])
    func `what a small buffer leaves is read next, in order`(_ room: Int) throws {
        let pair = try TLSPair.open()
        let content = pattern(room < 10 ? 2000 : 60000)
        #expect(pair.client.send(content) == content.count)
        var all: [UInt8] = []
        while case (.bytes, let bytes) = pair.server.receive(atMost: room) {
            all += bytes
            #expect(bytes.count <= room)
        }
        #expect(all == content)
    }

    @Test func `a stream says after a short read whether it holds more`() throws {
        let pair = try TLSPair.open()
        _ = pair.client.send(pattern(1000))
        var buffer = ByteBuffer()
        let space = buffer.space(atLeast: 600).slice(0, 600)
        guard case .bytes(600) = pair.server.value.stream.receive(into: space) else {
            Issue.record("not read")
            return
        }
        #expect(pair.server.mayHoldMore(after: 600, in: space))
        guard case .bytes(400) = pair.server.value.stream.receive(into: space) else {
            Issue.record("not read")
            return
        }
        // There may be more on the socket, of which the edge told that had it read.
        #expect(pair.server.mayHoldMore(after: 400, in: space))
        guard case .wouldBlock = pair.server.value.stream.receive(into: space) else {
            Issue.record("there is no more")
            return
        }
    }

    /// Nor does the kernel tell twice of bytes on the socket, which may come at any time: a reader
    /// that goes on as long as there may be more leaves none there.
    @Test(arguments: [1000, 100_000, 131_000], [true, false])
    func `a stream that may hold no more has left nothing on the socket`(
        _ room: Int, _ sendsBetween: Bool
    ) throws {
        let pair = try TLSPair.open()
        let content = pattern(1 << 20)
        var sent = 0
        var received = 0
        var buffer = ByteBuffer()
        let space = buffer.space(atLeast: room).slice(0, room)
        for _ in 0..<20 {
            sent += pair.client.send(Array(content[sent...].prefix(room * 2)))
            var goesOn = true
            while goesOn, case .bytes(let count) = pair.server.value.stream.receive(into: space) {
                let expected = Array(content[received..<received + count])
                #expect(space.view.slice(0, count).bytes == expected)
                received += count
                goesOn = pair.server.mayHoldMore(after: count, in: space)
                guard goesOn, sendsBetween, sent < 20 * room else { continue }
                sent += pair.client.send(Array(content[sent...].prefix(room / 2)))
            }
            #expect(!Socket.hasInput(pair.server.descriptor))
        }
        #expect(received == sent && sent >= min(20 * room, 500_000))
    }

    /// The kernel tells of nothing: the bytes have left the socket.
    @Test func `reading that begins again is told of bytes inside TLS`() throws {
        let pair = try TLSPair.open()
        pair.server.value.stream.startReading()
        _ = pair.client.send(pattern(1000))
        #expect(pair.base.runOnce())
        _ = pair.server.receive(atMost: 100)
        pair.server.value.stream.stopReading()
        let before = pair.server.value.readable
        pair.server.value.stream.startReading()
        #expect(pair.base.runOnce())
        #expect(pair.server.value.readable == before + 1)
        #expect(pair.server.receiveAll() == Array(pattern(1000)[100...]))
        pair.server.value.stream.stopReading()
    }

    @Test func `what the kernel refuses is reported as not sent, and is sent once`() throws {
        let pair = try TLSPair.open()
        let content = pattern(4 << 20)
        var sent = 0
        var read: [UInt8] = []
        var wasRefused = false
        while read.count < content.count {
            let rest = Array(content[sent...].prefix(300_000))
            let count = pair.client.send(rest)
            wasRefused = wasRefused || count < rest.count
            sent += count
            let unsent = pair.client.tls?.value.unsent.count ?? 0
            #expect(unsent <= TLSSession.batch + 1024)
            if case (.bytes, let bytes) = pair.server.receive(atMost: 50000) { read += bytes }
        }
        #expect(wasRefused)
        #expect(read == content)
        #expect(pair.client.tls?.value.unsent.capacity == 0)
    }

    @Test func `a writer that drops what is owed can send nothing more`() throws {
        let pair = try TLSPair.open()
        while pair.client.send(pattern(300_000)) > 0 {}
        #expect(pair.client.tls?.value.owed ?? 0 > 0)
        let read = pair.server.receiveAll()
        #expect(read.count > 0)
        // Room for the ciphertext that is left, and not a byte of what it is of.
        let result = [UInt8]().withView { pair.client.value.stream.send($0) }
        guard case .failed = result else {
            Issue.record("\(result)")
            return
        }
        #expect(pair.client.send([1]) == 0)
        #expect(pair.client.tls?.hasUnsent == false)
        // The other side does not take what it has for the whole.
        pair.client.value.stream.close()
        _ = pair.server.receiveAll()
        guard case .truncated = pair.server.receive().result else {
            Issue.record("not truncated")
            return
        }
    }

    @Test func `two pieces arrive in their order`() throws {
        let pair = try TLSPair.open()
        let (head, content) = (pattern(20000), pattern(100_000))
        head.withView { head in
            content.withView { content in
                guard case .bytes(120_000) = pair.client.value.stream.send(head, content) else {
                    Issue.record("not sent")
                    return
                }
            }
        }
        #expect(pair.server.receiveAll(by: 131072) == head + content)
    }

    @Test func `a closed stream is told from a cut one`() throws {
        let closed = try TLSPair.open()
        _ = closed.client.send([1, 2, 3])
        closed.client.value.stream.close()
        #expect(closed.server.receive().bytes == [1, 2, 3])
        guard case .endOfStream = closed.server.receive().result else {
            Issue.record("no end")
            return
        }
        let cut = try TLSPair.open()
        _ = cut.client.send([1, 2, 3])
        Socket.shutdownWrite(cut.client.descriptor)
        #expect(cut.server.receive().bytes == [1, 2, 3])
        guard case .truncated = cut.server.receive().result else {
            Issue.record("not truncated")
            return
        }
    }

    @Test func `one side may end before the other`() throws {
        let pair = try TLSPair.open()
        pair.client.value.stream.finishWriting()
        guard case .endOfStream = pair.server.receive().result else {
            Issue.record("no end")
            return
        }
        #expect(pair.server.send(Array("answer".utf8)) == 6)
        #expect(pair.client.receiveAll() == Array("answer".utf8))
    }

    @Test func `a record that was changed on its way breaks the stream`() throws {
        let pair = try TLSPair.open()
        var record: [UInt8] = [0x17, 0x03, 0x03, 0x00, 0x20]
        record += [UInt8](repeating: 7, count: 32)
        record.withView { _ = Socket.send(pair.client.descriptor, $0) }
        guard case .failed = pair.server.receive().result else {
            Issue.record("not failed")
            return
        }
        #expect(pair.server.tls?.failure.text.isEmpty == false)
    }

    @Test func `a request without TLS is given back`() throws {
        let pair = try TLSPair()
        let context = try TLSPair.serverContext()
        pair.server.value.stream.begin(try #require(.accept(context, pair.ciphertext)))
        let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        request.withView { _ = Socket.send(pair.client.descriptor, $0) }
        #expect(pair.server.shakeHands() == .plaintext)
        var buffer = ByteBuffer()
        pair.server.value.stream.dropTLS(into: &buffer)
        #expect(buffer.view.bytes == request)
        #expect(pair.server.tls == nil)
    }

    @Test(arguments: [("b.example", false), ("127.0.0.2", true)])
    func `a certificate for another name is not taken`(_ name: String, _ isAddress: Bool) throws {
        let pair = try TLSPair()
        try pair.begin(
            TLSPair.serverContext(), TLSPair.clientContext(name: name, isAddress: isAddress))
        #expect(pair.shakeHands() == (.failed, .failed))
        let reason = pair.client.tls?.failure.text ?? ""
        #expect(reason.contains(isAddress ? "IP address mismatch" : "hostname mismatch"))
    }

    @Test func `protocols without a common one end the handshake`() throws {
        let pair = try TLSPair()
        try pair.begin(
            TLSPair.serverContext(), TLSPair.clientContext(protocols: ["spdy/1"]))
        #expect(pair.shakeHands() == (.failed, .failed))
    }
}
