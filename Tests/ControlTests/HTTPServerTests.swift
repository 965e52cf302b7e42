import CLibevent
import Glibc
import TestSupport
import Testing
import Transport

@testable import Control

@Suite struct HTTPServerTests {
    private let base: EventBase
    private let server: HTTPServer
    private let address: Address

    init() throws {
        base = try #require(EventBase())
        let any = try #require(SocketAddress.ipv4("127.0.0.1", port: 0))
        let listener = try Listener.bind(any, workers: 1)[0]
        address = try #require(Address(listener.address.text))
        let made = HTTPServer([listener], on: base, connections: 4) { AdminAnswer(200, $0.path) }
        server = try #require(made)
    }

    /// The loop goes round until nothing has happened for a moment.
    private func settle() {
        for _ in 0..<20 {
            _ = base.withBorrowedHandle { event_base_loop($0, EVLOOP_NONBLOCK) }
            server.makeRoom()
            usleep(1000)
        }
    }

    private func pass(seconds: Int) {
        for _ in 0..<seconds {
            server.resume()
            settle()
        }
    }

    private func ask(_ client: RawClient) throws -> String {
        try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        settle()
        return try client.readFinalAnswer().text
    }

    @Test func `a request that comes byte by byte has 30 seconds in all`() throws {
        let client = try RawClient(address)
        settle()
        try client.send("GET /")
        pass(seconds: AdminConnections.patience / 2)
        try client.send("a")
        pass(seconds: AdminConnections.patience / 2)
        #expect(try !client.isClosed(within: 0.01))
        try client.send("b")
        pass(seconds: 1)
        #expect(try client.isClosed(within: 1))
    }

    @Test func `a connection that is used lasts`() throws {
        let client = try RawClient(address)
        for _ in 0..<3 {
            pass(seconds: AdminConnections.patience - 1)
            #expect(try ask(client) == "/a")
        }
    }

    @Test func `more than the limit wait until one ends, and those that hold it for nothing do`()
        throws
    {
        let holders = try (0..<4).map { _ in try RawClient(address) }
        settle()
        let client = try RawClient(address)
        try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        pass(seconds: AdminConnections.patienceWhenFull)
        #expect(try !client.isClosed(within: 0.01) && client.buffer.isEmpty)
        pass(seconds: 2)
        #expect(try client.readFinalAnswer().text == "/a")
        for holder in holders { #expect(try holder.isClosed(within: 1)) }
    }

    @Test func `who waits comes in as soon as another has ended`() throws {
        let holders = try (0..<4).map { _ in try RawClient(address) }
        settle()
        let client = try RawClient(address)
        try client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        settle()
        #expect(try !client.isClosed(within: 0.01) && client.buffer.isEmpty)
        holders[1].close()
        settle()
        #expect(try client.readFinalAnswer().text == "/a")
    }

    @Test func `one that ends makes room at once`() throws {
        for _ in 0..<20 {
            let client = try RawClient(address)
            settle()
            #expect(try ask(client) == "/a")
            client.close()
            settle()
        }
    }
}
