import Configuration
import HTTP2
import HTTPSyntax
import TLS
import Transport

// Idle keep-alive connections to one address, last in first out: the most recently used one is
// the least likely to have been closed by the upstream.

/// A worker's connections to one upstream.
struct UpstreamPool: ~Copyable {
    let address: SocketAddress
    /// The same as the address says, which is copied for the question.
    let isUnix: Bool
    let addressText: String
    /// The most recently used idle connection; the rest hang on its `nextIdle`.
    var firstIdle: Ref<UpstreamConnection>?
    /// The one that has been idle longest.
    var lastIdle: Ref<UpstreamConnection>?
    /// What TLS with it is set up by; nil: plain HTTP.
    var tls: TLSClientContext?
    /// The session that is taken up by the next connection.
    let resumption = TLSResumption()
    /// It is spoken to in HTTP/2: its connections are `firstSession` and what hangs on its `next`,
    /// and none of them is ever taken out.
    let isHTTP2: Bool
    var firstSession: Ref<UpstreamSession>?
    /// Streams at a time that it has last said it takes on a connection.
    var streamLimit = ClientSession.mostStreams
    /// No backend of the configuration in force is reached here.
    var isRetired = false
    /// Snapshot uses, connections and sessions that name it and have not been freed, once for each
    /// time they do: it is freed after the last of them, and what it is set up by with it.
    fileprivate(set) var holders = 0

    init(address: SocketAddress, text: String, tls: TLSClientContext?, isHTTP2: Bool) {
        self.address = address
        isUnix = address.isUnix
        self.tls = tls
        self.isHTTP2 = isHTTP2
        addressText = text
    }
}

extension Ref<UpstreamPool> {
    /// Whether it is spoken to as these settings say.
    func isAlike(_ backend: Backend) -> Bool {
        value.isHTTP2 == backend.isHTTP2
            && value.tls?.fingerprint == backend.tls?.context.fingerprint
    }

    /// Somebody names it from here on.
    func retain() { value.holders += 1 }

    /// Whoever named it is freed; whether it was the last one.
    func release() -> Bool {
        value.holders -= 1
        return value.holders == 0
    }

    /// Takes an idle connection out, or nil where there is none.
    func takeIdle() -> Ref<UpstreamConnection>? {
        guard let connection = value.firstIdle else { return nil }
        unlink(connection)
        return connection
    }

    /// Takes in a connection that is between two requests.
    func putIdle(_ connection: Ref<UpstreamConnection>) {
        connection.value.nextIdle = value.firstIdle
        connection.value.previousIdle = nil
        value.firstIdle?.value.previousIdle = connection
        value.firstIdle = connection
        if value.lastIdle == nil { value.lastIdle = connection }
    }

    /// Closes what is idle; what is busy is closed when its request ends.
    func retire() {
        value.isRetired = true
        while let idle = takeIdle() { idle.closeTaken() }
        var session = value.firstSession
        while let current = session {
            session = current.value.next
            current.retire()
        }
    }

    func unlink(_ connection: Ref<UpstreamConnection>) {
        let next = connection.value.nextIdle
        if let previous = connection.value.previousIdle {
            previous.value.nextIdle = next
        } else {
            value.firstIdle = next
        }
        if let next {
            next.value.previousIdle = connection.value.previousIdle
        } else {
            value.lastIdle = connection.value.previousIdle
        }
        connection.value.nextIdle = nil
        connection.value.previousIdle = nil
    }
}

// MARK: HTTP/2

extension Ref<UpstreamPool> {
    /// A connection that takes one more request: the first that has room, so that the others fall
    /// idle.
    ///
    /// - Parameters:
    ///   - isFresh: only one that is so new that nothing has come on it.
    ///   - looks: none that may have ended.
    func roomySession(isFresh: Bool, looks: Bool) -> Ref<UpstreamSession>? {
        var session = value.firstSession
        while let current = session {
            let isRoomy = current.hasRoom && (!isFresh || current.value.received == 0)
            if isRoomy, !looks || current.isQuiet() { return current }
            session = current.value.next
        }
        return nil
    }

    /// One that is connected and carries nothing.
    var idleSession: Ref<UpstreamSession>? {
        var session = value.firstSession
        while let current = session {
            if current.value.phase == .open, current.value.firstStream == nil { return current }
            session = current.value.next
        }
        return nil
    }

    func link(_ session: Ref<UpstreamSession>) {
        session.value.next = value.firstSession
        value.firstSession?.value.previous = session
        value.firstSession = session
    }

    func unlink(_ session: Ref<UpstreamSession>) {
        let next = session.value.next
        if let previous = session.value.previous {
            previous.value.next = next
        } else {
            value.firstSession = next
        }
        next?.value.previous = session.value.previous
        session.value.next = nil
        session.value.previous = nil
    }
}

extension Ref<Worker> {
    /// Makes room for one more upstream connection: a worker has no more of them than clients may
    /// have, and the descriptors that other things need are never its. False where none is idle:
    /// streams of HTTP/2 have one each.
    ///
    /// - Parameter replacing: connections that are closed as soon as there is another.
    func limitUpstreams(replacing: Int = 0) -> Bool {
        guard value.upstreamCount - replacing >= value.connectionLimit else { return true }
        if closeFirst() { return true }
        for pool in value.pools {
            if let session = pool.idleSession {
                session.close()
            } else if let oldest = pool.value.lastIdle {
                oldest.close()
            } else {
                continue
            }
            _ = closeFirst()
            return true
        }
        return false
    }

    /// Gives the descriptors of all idle connections back, for the one that is needed now; false
    /// where there were none.
    func closeIdleUpstreams() -> Bool {
        defer { endClosing() }
        var isAny = !value.closings.isEmpty
        for pool in value.pools {
            while let idle = pool.takeIdle() {
                idle.closeTaken()
                isAny = true
            }
            while let session = pool.idleSession {
                session.close()
                isAny = true
            }
        }
        return isAny
    }
}

// MARK: The end of a pool

extension Ref<Worker> {
    /// Whoever named `pool` is freed.
    func release(_ pool: Ref<UpstreamPool>) {
        if pool.release() { value.hasFreePools = true }
    }

    /// Frees the pools that nothing names any more: those of the configuration in force are named by
    /// its use.
    func freePools() {
        guard value.hasFreePools else { return }
        value.hasFreePools = false
        value.pools.removeAll { pool in
            guard pool.value.holders == 0 else { return false }
            pool.destroy()
            return true
        }
    }
}
