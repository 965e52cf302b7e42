internal import CLibeventExtra
internal import Glibc

// How many connections an endpoint of the operator has at a time, and for how long each. evhttp
// bounds neither: its timeout begins anew with every byte. So this makes the streams that it reads
// (evhttp_set_bevcb), holds a reference to each, and thereby knows which live.

/// The connections of one `HTTPServer`, on the thread of its loop.
@safe struct AdminConnections {
    @safe private struct Connection {
        /// Ours for as long as it stands here, whatever evhttp does: its descriptor stays open.
        let stream: OpaquePointer
        /// The turn of `secondPassed` in which it came, or had its last answer.
        var since: Int
    }

    private var open: [Connection] = []
    private var turn = 0
    private let limit: Int

    /// Seconds that a connection has for a request, and for taking the answer to the one before.
    static let patience = 30
    /// The same while there is no room for anyone else.
    static let patienceWhenFull = 3
    /// Bytes that wait to be looked at: evhttp reads on while it sends.
    private static let highWater = 64 << 10

    /// - Parameter limit: how many there may be at a time.
    init(limit: Int) { self.limit = limit }

    var isFull: Bool { open.count >= limit }

    /// The stream of a connection that is accepted; nil where no memory is left.
    mutating func add(on base: OpaquePointer) -> OpaquePointer? {
        forgetEnded()
        // The option has evhttp leave the descriptor to the stream: no other connection gets its
        // number while events of this one are still registered.
        let options = Int32(BEV_OPT_CLOSE_ON_FREE.rawValue)
        guard let stream = unsafe bufferevent_socket_new(base, -1, options) else { return nil }
        unsafe bufferevent_setwatermark(stream, Int16(EV_READ), 0, Self.highWater)
        unsafe bufferevent_incref(stream)
        unsafe open.append(Connection(stream: stream, since: turn))
        return unsafe stream
    }

    /// A request on this stream has its answer.
    mutating func answered(on stream: OpaquePointer?) {
        guard let index = open.firstIndex(where: { unsafe $0.stream == stream }) else {
            return
        }
        open[index].since = turn
    }

    /// Once a second: ends what has been here for too long. Turns and not time: what the main loop
    /// missed itself is no client's fault.
    mutating func secondPassed() {
        turn += 1
        forgetEnded()
        let patience = isFull ? Self.patienceWhenFull : Self.patience
        for connection in open where turn - connection.since > patience {
            // evhttp sees the end, and frees its part.
            unsafe shutdown(bufferevent_getfd(connection.stream), Int32(SHUT_RDWR))
        }
    }

    /// Lets go of those that evhttp has freed: bufferevent_free takes the callbacks away.
    mutating func forgetEnded() {
        open.removeAll { connection in
            var owner: UnsafeMutableRawPointer?
            unsafe bufferevent_getcb(connection.stream, nil, nil, nil, &owner)
            guard unsafe owner == nil else { return false }
            unsafe Self.release(connection.stream)
            return true
        }
    }

    /// The descriptor goes at once, and not at the end of the loop's turn: who is accepted next in
    /// this turn takes its place.
    private static func release(_ stream: OpaquePointer) {
        let descriptor = unsafe bufferevent_getfd(stream)
        unsafe bufferevent_setfd(stream, -1)
        if descriptor >= 0 { _ = close(descriptor) }
        unsafe bufferevent_decref(stream)
    }

    /// After evhttp_free, which frees its part of each, and before the loop goes.
    mutating func forgetAll() {
        for connection in open { unsafe Self.release(connection.stream) }
        open = []
    }
}
