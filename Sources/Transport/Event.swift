internal import CLibevent
internal import Glibc

// Registrations with the loop. Raw events rather than bufferevents: those cost more system calls a
// request, and copy. Streams are edge-triggered, everything else is level-triggered.

/// One registration with a loop (libevent's struct event): persistent until taken back.
///
/// The storage is its own allocation, because libevent keeps its address.
@safe package struct Event: ~Copyable {
    /// Nil: nothing is watched, and only `isAdded` is kept.
    private let handle: UnsafeMutablePointer<event>?
    package private(set) var isAdded = false

    /// Watches a stream for input, edge-triggered: after a callback the stream has to be read
    /// until it is drained, that is until a read comes back short, and to its end where the
    /// callback was told of it (`StreamEnd.isAnnounced`). Saves the kernel one more look at every
    /// stream an iteration.
    package static func streamRead(
        _ base: EventBase, _ descriptor: Int32, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) -> Event {
        let what = EV_READ | EV_CLOSED | EV_PERSIST | EV_ET
        return unsafe Event(base, descriptor, Int16(truncatingIfNeeded: what), callback, context)
    }

    /// Watches a stream for room to write, edge-triggered; to be added after a write came back
    /// short.
    package static func streamWrite(
        _ base: EventBase, _ descriptor: Int32, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) -> Event {
        let what = EV_WRITE | EV_PERSIST | EV_ET
        return unsafe Event(base, descriptor, Int16(truncatingIfNeeded: what), callback, context)
    }

    /// Watches `descriptor` for input as long as there is some.
    package static func read(
        _ base: EventBase, _ descriptor: Int32, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, descriptor, Int16(EV_READ | EV_PERSIST), callback, context)
    }

    /// Calls back when the process gets `signal`.
    package static func signal(
        _ base: EventBase, _ signal: Int32, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, signal, Int16(EV_SIGNAL | EV_PERSIST), callback, context)
    }

    /// Calls back every period given to `add(every:)`.
    package static func timer(
        _ base: EventBase, _ callback: EventCallback, _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, -1, Int16(EV_PERSIST), callback, context)
    }

    /// Watches nothing: for a stream that has no descriptor.
    package static var unwatched: Event { Event() }

    private init() { unsafe handle = nil }

    private init(
        _ base: EventBase, _ descriptor: Int32, _ what: Int16, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) {
        let handle = UnsafeMutablePointer<event>.allocate(capacity: 1)
        unsafe handle.initialize(to: event())
        unsafe self.handle = handle
        unsafe event_assign(handle, base.handle, descriptor, what, callback, context)
    }

    deinit {
        guard let handle = unsafe handle else { return }
        if isAdded { unsafe event_del(handle) }
        unsafe handle.deallocate()
    }

    /// Calls back in the next round as if there were input, once; only while watching. The round
    /// that runs ends with this callback: libevent would go on with what becomes active in it, for
    /// as long as a peer keeps pace.
    package mutating func activate() {
        guard isAdded, let handle = unsafe handle else { return }
        unsafe event_active(handle, Int32(EV_READ), 0)
        unsafe event_base_loopbreak(event_get_base(handle))
    }

    /// Looks again for what is there already, as a fresh registration does.
    package mutating func rearm() {
        remove()
        add()
    }

    /// Starts watching; nothing where it already does.
    package mutating func add() {
        guard !isAdded else { return }
        if let handle = unsafe handle { unsafe event_add(handle, nil) }
        isAdded = true
    }

    /// Starts a timer's period.
    package mutating func add(everyMilliseconds period: Int) {
        var interval = timeval(tv_sec: period / 1000, tv_usec: period % 1000 * 1000)
        unsafe event_add(handle, &interval)
        isAdded = true
    }

    /// Stops watching; nothing where it does not.
    package mutating func remove() {
        guard isAdded else { return }
        if let handle = unsafe handle { unsafe event_del(handle) }
        isAdded = false
    }
}

/// What a stream's callback was told besides that there is input.
package enum StreamEnd {
    /// Whether the peer has ended its side (EV_CLOSED): no further edge will say so.
    package static func isAnnounced(_ what: Int16) -> Bool { Int32(what) & EV_CLOSED != 0 }
}
