import Glibc
import HTTP1
import HTTPSyntax
import Transport

// How the commands ask a running gate: one HTTP request over its control socket, or over the admin
// endpoint for a probe.

/// A gate that did not answer.
struct ControlError: Error, CustomStringConvertible {
    let description: String
}

/// One question and its answer, waiting at most `patience`.
enum ControlClient {
    struct Answer {
        let status: Int
        let content: String
    }

    /// Seconds. A reload loads a file, which takes a while with very many rules.
    private static let patience = 30

    static func ask(
        _ method: String, _ path: String, at address: SocketAddress
    ) throws(ControlError) -> Answer {
        let descriptor = try connect(to: address)
        defer { Socket.close(descriptor) }
        let fields = "Host: gate\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        try send("\(method) \(path) HTTP/1.1\r\n" + fields, descriptor)
        return try parse(try readAll(descriptor))
    }

    private static func connect(to address: SocketAddress) throws(ControlError) -> Int32 {
        switch Connector.connect(to: address) {
        case .connected(let descriptor): return descriptor
        case .connecting(let descriptor):
            try wait(descriptor, POLLOUT)
            let code = Socket.pendingError(descriptor)
            guard code == 0 else { throw failure(address, code) }
            return descriptor
        case .failed(let code): throw failure(address, code)
        }
    }

    private static func failure(_ address: SocketAddress, _ code: Int32) -> ControlError {
        let hint = code == ENOENT || code == ECONNREFUSED ? ": is the gate running there?" : ""
        return ControlError(
            description: "cannot reach \(address.text): \(Socket.describe(code))\(hint)")
    }

    private static func wait(_ descriptor: Int32, _ events: Int32) throws(ControlError) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        guard unsafe poll(&entry, 1, Int32(patience * 1000)) > 0 else {
            throw ControlError(description: "no answer within \(patience) s")
        }
    }

    private static func send(_ text: String, _ descriptor: Int32) throws(ControlError) {
        let result = text.withView { Socket.send(descriptor, $0) }
        guard case .bytes(let count) = result, count == text.utf8.count else {
            throw ControlError(description: "the gate takes no question")
        }
    }

    private static func readAll(_ descriptor: Int32) throws(ControlError) -> [UInt8] {
        var buffer = ByteBuffer()
        while true {
            let space = buffer.space(atLeast: 16384)
            switch Socket.receive(descriptor, into: space) {
            case .bytes(let count): buffer.didFill(count)
            case .wouldBlock: try wait(descriptor, POLLIN)
            case .endOfStream, .truncated: return buffer.view.bytes
            case .failed(let code):
                throw ControlError(description: "no answer: \(Socket.describe(code))")
            }
        }
    }

    private static func parse(_ bytes: [UInt8]) throws(ControlError) -> Answer {
        var head = ResponseHead(maximumFields: 32)
        let limits = HeadLimits(head: 16384, target: 16384, fields: 32)
        let result = bytes.withView { ResponseParser.parse($0, into: &head, limits: limits) }
        guard case .complete = result else {
            throw ControlError(description: "the answer is no HTTP")
        }
        return Answer(
            status: head.status, content: String(decoding: bytes[head.length...], as: UTF8.self))
    }
}
