import Foundation
import Glibc
import HTTPSyntax
import Testing

@testable import Transport

@Suite struct ListenerTests {
    private let loopback: SocketAddress

    init() throws { loopback = try #require(SocketAddress.ipv4("127.0.0.1", port: 0)) }

    /// Whether a connection to the address is accepted by one of the listeners.
    private func serves(_ listeners: [Listener], _ address: SocketAddress) -> Bool {
        guard let client = connect(address) else { return false }
        defer { Socket.close(client) }
        for _ in 0..<200 {
            for listener in listeners {
                if case .connection(let descriptor, _) = listener.accept() {
                    Socket.close(descriptor)
                    return true
                }
            }
            usleep(5000)
        }
        return false
    }

    private func connect(_ address: SocketAddress) -> Int32? {
        switch Connector.connect(to: address) {
        case .connected(let descriptor): return descriptor
        case .connecting(let descriptor):
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            poll(&entry, 1, 2000)
            guard Socket.pendingError(descriptor) == 0 else {
                Socket.close(descriptor)
                return nil
            }
            return descriptor
        case .failed: return nil
        }
    }

    private func path(_ name: String = #function) -> String {
        "/tmp/methodgate-\(getpid())-\(name.hashValue).sock"
    }

    @Test func `port 0 becomes one port for all workers`() throws {
        let listeners = try Listener.bind(loopback, workers: 4)
        let ports = Set(listeners.map(\.address.port))
        #expect(listeners.count == 4)
        #expect(ports.count == 1 && !ports.contains(0))
        #expect(Set(listeners.map(\.descriptor)).count == 4)
        #expect(serves(listeners, listeners[0].address))
    }

    @Test func `a second gate cannot share the port`() throws {
        let listeners = try Listener.bind(loopback, workers: 2)
        let error = #expect(throws: ListenError.self) {
            _ = try Listener.bind(listeners[0].address, workers: 2)
        }
        #expect(error?.code == EADDRINUSE)
        let port = listeners[0].address.port
        #expect(
            error?.message
                == "cannot listen on 127.0.0.1:\(port): bind: Address already in use")
    }

    @Test func `the same gate may listen beside itself`() throws {
        let first = try Listener.bind(loopback, workers: 2)
        let port = first[0].address.port
        let every = try #require(SocketAddress.ipv4("0.0.0.0", port: port))
        #expect(throws: ListenError.self) { _ = try Listener.bind(every, workers: 2) }
        let second = try Listener.bind(every, workers: 2, beside: [first[0].address])
        #expect(second.count == 2)
        #expect(second[0].address.port == port)
    }

    @Test func `a port is free again once its listeners are gone`() throws {
        var listeners = try Listener.bind(loopback, workers: 2)
        let address = listeners[0].address
        listeners = []
        #expect(connect(address) == nil)
        #expect(try Listener.bind(address, workers: 1)[0].address.port == address.port)
    }

    @Test func `an address of another machine is refused`() throws {
        let foreign = try #require(SocketAddress.ipv4("192.0.2.1", port: 8080))
        let error = #expect(throws: ListenError.self) {
            _ = try Listener.bind(foreign, workers: 1)
        }
        #expect(error?.code == EADDRNOTAVAIL)
    }

    @Test func `a Unix socket is one for all workers and goes with them`() throws {
        let path = path()
        let address = try #require(SocketAddress.unix(path))
        var listeners = try Listener.bind(address, workers: 3)
        #expect(Set(listeners.map(\.descriptor)).count == 1)
        #expect(serves(listeners, address))
        #expect(access(path, F_OK) == 0)
        listeners = []
        #expect(access(path, F_OK) != 0)
    }

    @Test func `a Unix socket that somebody serves is left alone`() throws {
        let address = try #require(SocketAddress.unix(path()))
        let listeners = try Listener.bind(address, workers: 1)
        let error = #expect(throws: ListenError.self) {
            _ = try Listener.bind(address, workers: 1)
        }
        #expect(error?.code == EADDRINUSE)
        #expect(serves(listeners, address))
    }

    @Test func `a Unix socket of a process that died is replaced`() throws {
        let path = path()
        let address = try #require(SocketAddress.unix(path))
        let left = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        #expect(address.withPointer { Glibc.bind(left, $0, $1) } == 0)
        close(left)
        #expect(access(path, F_OK) == 0)
        let listeners = try Listener.bind(address, workers: 1)
        #expect(serves(listeners, address))
    }

    @Test func `a file in a Unix socket's place is never removed`() throws {
        let path = path()
        try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
        defer { unlink(path) }
        let address = try #require(SocketAddress.unix(path))
        let error = #expect(throws: ListenError.self) {
            _ = try Listener.bind(address, workers: 1)
        }
        #expect(error?.code == EADDRINUSE)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("precious".utf8))
    }

    @Test func `a queue without a connection has none to accept`() throws {
        let listener = try Listener.bind(loopback, workers: 1)[0]
        guard case .none = listener.accept() else {
            Issue.record("something was accepted")
            return
        }
    }

    @Test func `what the peer has not taken is counted`() throws {
        let listener = try Listener.bind(loopback, workers: 1)[0]
        let client = try #require(connect(listener.address))
        defer { Socket.close(client) }
        #expect(Socket.queuedBytes(client) == 0)
        let block = [UInt8](repeating: 0, count: 65_536)
        block.withView { bytes in
            while case .bytes = Socket.send(client, bytes) {}
        }
        #expect(Socket.queuedBytes(client) > 0)
    }
}
