internal import CLibeventExtra
internal import Glibc
package import Transport

// A small HTTP server for the operator's own questions, on the main thread's loop: libevent's
// evhttp, which is well kept and need not be fast. Traffic never comes here.

/// A question of the operator.
package struct AdminRequest {
    /// As it was sent: `GET`, `POST`, …; empty for one that evhttp does not know.
    package let method: String
    /// The path of the target, without the query.
    package let path: String
    /// The value of Accept; empty where there is none.
    package let accept: String

    package init(method: String, path: String, accept: String = "") {
        self.method = method
        self.path = path
        self.accept = accept
    }
}

/// What it is answered.
package struct AdminAnswer {
    package var status: Int
    package var contentType: String
    package var content: String
    /// More fields of the head: `Allow`, and what a page may do.
    package var fields: [(name: String, value: String)]

    package init(
        _ status: Int, _ content: String, type contentType: String = "text/plain; charset=utf-8",
        fields: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.contentType = contentType
        self.content = content
        self.fields = fields
    }
}

/// Answers on any number of listeners with one handler. For the thread whose loop it is on.
@safe package final class HTTPServer {
    private let server: OpaquePointer
    /// Kept for as long as the server: what it frees of open connections is registered there.
    private let base: EventBase
    private var listeners: [Listener]
    /// evhttp's own, of `server`, and what it knows each by.
    private var acceptors: [OpaquePointer]
    private var sockets: [OpaquePointer]
    private var connections: AdminConnections
    /// Nothing is accepted, since there is no room.
    private var isResting = false
    private let handler: (AdminRequest) -> AdminAnswer

    /// Bytes of a head, and of content that nobody asked for.
    private static let limit = 16 << 10
    /// Seconds a connection may do nothing.
    private static let timeout: Int32 = 10

    /// Nil where no memory is left, or no descriptor for a listener.
    ///
    /// - Parameter connections: how many there may be at a time; others wait in the kernel's queue.
    package init?(
        _ listeners: [Listener], on base: EventBase, connections limit: Int,
        _ handler: @escaping (AdminRequest) -> AdminAnswer
    ) {
        let made = unsafe base.withBorrowedHandle { unsafe evhttp_new($0) }
        guard let made = unsafe made else { return nil }
        unsafe server = made
        self.base = base
        unsafe acceptors = []
        unsafe sockets = []
        connections = AdminConnections(limit: limit)
        self.listeners = listeners
        self.handler = handler
        configure()
        for listener in listeners { watch(listener) }
        guard unsafe acceptors.count == listeners.count else { return nil }
    }

    private func configure() {
        unsafe evhttp_set_max_headers_size(server, Self.limit)
        unsafe evhttp_set_max_body_size(server, Self.limit)
        unsafe evhttp_set_timeout(server, Self.timeout)
        // All of them reach the handler, which answers 405 with Allow.
        unsafe evhttp_set_allowed_methods(server, UInt16(0x1ff))
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe evhttp_set_gencb(server, adminRequestArrived, context)
        unsafe evhttp_set_bevcb(server, adminConnectionArrived, context)
    }

    private func watch(_ listener: Listener) {
        // evhttp closes what it is given; the listener's own descriptor stays its owner's.
        let own = fcntl(listener.descriptor, F_DUPFD_CLOEXEC, 3)
        guard own >= 0 else { return }
        guard let socket = unsafe evhttp_accept_socket_with_handle(server, own) else {
            _ = close(own)
            return
        }
        let acceptor = unsafe evhttp_bound_socket_get_listener(socket)
        guard let acceptor = unsafe acceptor else { return }
        unsafe evconnlistener_set_error_cb(acceptor, adminCannotAccept)
        unsafe acceptors.append(acceptor)
        unsafe sockets.append(socket)
    }

    /// Nobody is accepted any more, and the addresses are free for others; who is here already is
    /// still answered.
    package func leaveAddresses() {
        for index in unsafe sockets.indices {
            unsafe evhttp_del_accept_socket(server, sockets[index])
        }
        unsafe acceptors = []
        unsafe sockets = []
        listeners = []
    }

    deinit {
        unsafe evhttp_free(server)
        connections.forgetAll()
    }

    /// Once a second: ends connections that are here for too long, and accepts again where there was
    /// no room or no descriptor for one.
    package func resume() {
        connections.secondPassed()
        if !connections.isFull { accept() }
    }

    /// Between two turns of the loop: accepts again where one of the connections has ended that
    /// took all room. There is nothing that calls when evhttp frees one.
    package func makeRoom() {
        guard isResting else { return }
        connections.forgetEnded()
        if !connections.isFull { accept() }
    }

    private func accept() {
        isResting = false
        for index in unsafe acceptors.indices { unsafe evconnlistener_enable(acceptors[index]) }
    }

    /// For a connection that evhttp has accepted. Where it takes the last place, nothing more is
    /// accepted until one ends.
    fileprivate func stream(on base: OpaquePointer) -> OpaquePointer? {
        let stream = unsafe connections.add(on: base)
        if connections.isFull {
            isResting = true
            for index in unsafe acceptors.indices {
                unsafe evconnlistener_disable(acceptors[index])
            }
        }
        return unsafe stream
    }

    fileprivate func answer(_ request: OpaquePointer) {
        let connection = unsafe evhttp_request_get_connection(request)
        unsafe connections.answered(on: evhttp_connection_get_bufferevent(connection))
        let answer = handler(unsafe Self.read(request))
        let headers = unsafe evhttp_request_get_output_headers(request)
        unsafe evhttp_add_header(headers, "Content-Type", answer.contentType)
        unsafe evhttp_add_header(headers, "Cache-Control", "no-store")
        unsafe evhttp_add_header(headers, "X-Content-Type-Options", "nosniff")
        for (name, value) in answer.fields { unsafe evhttp_add_header(headers, name, value) }
        let bytes = Array(answer.content.utf8)
        unsafe evhttp_add_header(headers, "Content-Length", String(bytes.count))
        guard let buffer = unsafe evbuffer_new() else { return }
        if unsafe evhttp_request_get_command(request) != EVHTTP_REQ_HEAD {
            unsafe evbuffer_add(buffer, bytes, bytes.count)
        }
        unsafe evhttp_send_reply(request, Int32(answer.status), nil, buffer)
        unsafe evbuffer_free(buffer)
    }

    private static func read(_ request: OpaquePointer) -> AdminRequest {
        let uri = unsafe evhttp_request_get_evhttp_uri(request)
        var path = "/"
        if let text = unsafe evhttp_uri_get_path(uri) {
            path = unsafe String(cString: text)
        }
        let fields = unsafe evhttp_request_get_input_headers(request)
        var accept = ""
        if let text = unsafe evhttp_find_header(fields, "Accept") {
            accept = unsafe String(cString: text)
        }
        return AdminRequest(method: unsafe method(of: request), path: path, accept: accept)
    }

    private static func method(of request: OpaquePointer) -> String {
        switch unsafe evhttp_request_get_command(request) {
        case EVHTTP_REQ_GET: "GET"
        case EVHTTP_REQ_HEAD: "HEAD"
        case EVHTTP_REQ_POST: "POST"
        default: ""
        }
    }
}

private func adminRequestArrived(_ request: OpaquePointer?, _ context: UnsafeMutableRawPointer?) {
    guard let request = unsafe request, let context = unsafe context else { return }
    unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().answer(request)
}

private func adminConnectionArrived(
    _ base: OpaquePointer?, _ context: UnsafeMutableRawPointer?
) -> OpaquePointer? {
    guard let base = unsafe base, let context = unsafe context else { return nil }
    return unsafe Unmanaged<HTTPServer>.fromOpaque(context).takeUnretainedValue().stream(on: base)
}

/// No descriptor is left for who wants to connect. He would be reported again and again without
/// end: the listener rests until `resume`.
private func adminCannotAccept(_ acceptor: OpaquePointer?, _: UnsafeMutableRawPointer?) {
    if let acceptor = unsafe acceptor { unsafe evconnlistener_disable(acceptor) }
}
