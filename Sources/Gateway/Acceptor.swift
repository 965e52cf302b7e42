import Configuration
import HTTPSyntax
import Transport

// A worker's watch on one listener.

/// A listener, and how the connections begin that it accepts.
struct ListenerUse: Sendable {
    let listener: Listener
    /// With a PROXY header.
    let expectsProxyHeader: Bool
    /// With TLS, behind that.
    let tls: ListenTLS?
    /// Perhaps with the preface of HTTP/2.
    let allowsHTTP2: Bool
}

struct Acceptor: ~Copyable {
    let worker: Ref<Worker>
    let listener: Listener
    /// Of all that this worker has had: its connections know it by that.
    let number: UInt32
    var event: Event
    /// Each connection must begin with a PROXY header.
    var expectsProxyHeader = false
    var tls: ListenTLS?
    /// A connection may begin with the preface of HTTP/2.
    var allowsHTTP2 = false
    /// No longer part of the configuration, or the gate is draining.
    var isRetired = false
}

extension Ref<Acceptor> {
    static func open(_ listener: Listener, on worker: Ref<Worker>) -> Ref<Acceptor> {
        let base = worker.value.base
        worker.value.acceptorCount += 1
        let number = worker.value.acceptorCount
        let acceptor = unsafe Ref<Acceptor>.make { context in
            Acceptor(
                worker: worker, listener: listener, number: number,
                event: unsafe .read(base, listener.descriptor, listenerReadable, context))
        }
        acceptor.value.event.add()
        return acceptor
    }

    /// Clients taken in one go, so that a burst of new ones does not starve the others.
    private static var burst: Int { 64 }

    /// Takes connections off the queue, as many as there is room for; whether there may be more.
    @discardableResult func accept() -> Bool {
        let worker = value.worker
        worker.refreshClock()
        for _ in 0..<Self.burst {
            guard worker.value.clientCount < worker.value.connectionLimit else {
                worker.pauseAccepting()
                return false
            }
            switch value.listener.accept() {
            case .none: return false
            case .exhausted:
                // The queue keeps them: trying again at once would spin.
                worker.pauseAccepting()
                return false
            case .connection(let descriptor, let peer):
                Ref<ClientConnection>.open(
                    descriptor, peer: peer, on: worker, acceptor: value.number,
                    expectsProxyHeader: value.expectsProxyHeader, tls: value.tls,
                    allowsHTTP2: value.allowsHTTP2)
            }
        }
        return true
    }

    /// Stops for good: takes what already waits, which would be lost with the socket, then closes.
    func retire() {
        while !value.listener.isInherited, accept() {}
        value.isRetired = true
        value.event.remove()
    }
}

extension Ref<Worker> {
    /// No room for another client: those that come wait in the kernel's queue.
    func pauseAccepting() {
        value.isAcceptingPaused = true
        for acceptor in value.acceptors { acceptor.value.event.remove() }
    }

    /// There is room again.
    func resumeAccepting() {
        guard value.isAcceptingPaused, !value.isDraining,
            value.clientCount < value.connectionLimit
        else { return }
        value.isAcceptingPaused = false
        for acceptor in value.acceptors where !acceptor.value.isRetired {
            acceptor.value.event.add()
        }
    }
}

func listenerReadable(_: Int32, _: Int16, _ context: UnsafeMutableRawPointer?) {
    guard let context = unsafe context else { return }
    unsafe Ref<Acceptor>(context: context).accept()
}
