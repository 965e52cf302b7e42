import HTTP1
import HTTPSyntax
import Transport

// An echo service to put the gate in front of: it answers every request with the request it got.
// It lives in this program so that a demo needs nothing else; it is no part of the gate.

enum DemoBackend {
    /// Serves until the process ends. On a thread of its own.
    static func serve(_ listener: Listener) {
        guard let base = EventBase() else { return }
        let server = unsafe Ref<DemoServer>.make { context in
            DemoServer(
                base: base, listener: listener,
                event: unsafe .read(base, listener.descriptor, demoAccept, context))
        }
        server.value.event.add()
        while base.runOnce() { server.reap() }
    }
}

struct DemoServer: ~Copyable {
    let base: EventBase
    let listener: Listener
    var event: Event
    var head = RequestHead(maximumFields: 200)
    var output = ByteBuffer(capacity: 8192)
    var body = ByteBuffer(capacity: 8192)
    var closed: [Ref<DemoConnection>] = []
}

struct DemoConnection: ~Copyable {
    let server: Ref<DemoServer>
    let descriptor: Int32
    var event: Event
    var inbound = ByteBuffer()
    /// Content that is still to come of the request in `echo`.
    var content: BodyReader?
    var contentCount = 0
    var echo = ByteBuffer()
    var isHead = false
    var isClosed = false
}

extension Ref<DemoServer> {
    func accept() {
        while case .connection(let descriptor, _) = value.listener.accept() {
            let base = value.base
            let connection = unsafe Ref<DemoConnection>.make { context in
                DemoConnection(
                    server: self, descriptor: descriptor,
                    event: unsafe .read(base, descriptor, demoReadable, context))
            }
            connection.value.event.add()
        }
    }

    func reap() {
        while let connection = value.closed.popLast() { connection.destroy() }
    }
}

extension Ref<DemoConnection> {
    private static var limits: HeadLimits {
        HeadLimits(head: 128 * 1024, target: 64 * 1024, fields: 200)
    }

    func readable() {
        let space = value.inbound.space(atLeast: 65536)
        switch Socket.receive(value.descriptor, into: space) {
        case .bytes(let count):
            value.inbound.didFill(count)
            while !value.isClosed, step() {}
        case .wouldBlock: break
        case .endOfStream, .truncated, .failed: close()
        }
    }

    private func close() {
        guard !value.isClosed else { return }
        value.isClosed = true
        value.event.remove()
        Socket.close(value.descriptor)
        value.server.value.closed.append(self)
    }

    /// One head, or some content; false where more bytes are needed.
    private func step() -> Bool {
        guard !value.inbound.isEmpty else { return false }
        return value.content == nil ? readHead() : readContent()
    }

    private func readHead() -> Bool {
        let view = value.inbound.view
        let server = value.server
        switch RequestParser.parse(view, into: &server.value.head, limits: Self.limits) {
        case .incomplete: return false
        case .failed:
            close()
            return false
        case .complete: break
        }
        let length = server.value.head.length
        value.echo.removeAll()
        value.echo.append(view.slice(0, length))
        value.isHead = server.value.head.method == .head
        value.contentCount = 0
        let continues = server.value.head.flags.contains(.expectContinue)
        value.content = BodyReader(server.value.head.framing)
        value.inbound.consume(length)
        if continues { send(ByteView("HTTP/1.1 100 Continue\r\n\r\n")) }
        return finishIfComplete()
    }

    private func readContent() -> Bool {
        guard var content = value.content else { return false }
        if content.isAwaitingTrailers {
            let (result, length) = TrailerSection.parse(
                value.inbound.view, into: &value.server.value.head.fields, limits: Self.limits)
            guard result == .complete else { return false }
            content.trailersDone()
            value.inbound.consume(length)
        } else {
            let progress = content.process(value.inbound.mutableView, as: .discarded)
            guard progress.error == nil else {
                close()
                return false
            }
            value.contentCount += progress.consumed
            value.inbound.consume(progress.consumed)
        }
        value.content = content
        return finishIfComplete()
    }

    /// Answers once the request is whole; true where the next one may be looked at.
    private func finishIfComplete() -> Bool {
        guard value.content?.isComplete == true else { return !value.inbound.isEmpty }
        value.content = nil
        let server = value.server
        server.value.body.removeAll()
        server.value.body.append("The demo backend got:\n\n")
        server.value.body.append(value.echo.view)
        server.value.body.append("(")
        server.value.body.append(decimal: UInt64(value.contentCount))
        server.value.body.append(" bytes of content)\n")
        server.value.output.removeAll()
        server.value.output.append(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ")
        server.value.output.append(decimal: UInt64(server.value.body.count))
        server.value.output.append("\r\n\r\n")
        if !value.isHead { server.value.output.append(server.value.body.view) }
        send(server.value.output.view)
        return !value.isClosed
    }

    /// A demo's answers are small: one that the kernel does not take ends the connection.
    private func send(_ bytes: ByteView) {
        if case .bytes(let count) = Socket.send(value.descriptor, bytes), count == bytes.count {
            return
        }
        close()
    }
}

private func demoAccept(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<DemoServer>(context: context).accept()
}

private func demoReadable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<DemoConnection>(context: context).readable()
}
