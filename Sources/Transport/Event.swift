internal import CLibevent
internal import Glibc

/// One registration with a loop (libevent's struct event): persistent until taken back.
///
/// The storage is its own allocation, because libevent keeps its address.
@safe package struct Event: ~Copyable {
    private let handle: UnsafeMutablePointer<event>
    package private(set) var isAdded = false

    /// Watches `descriptor` for input.
    package static func read(
        _ base: EventBase, _ descriptor: Int32, _ callback: EventCallback, _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, descriptor, Int16(EV_READ | EV_PERSIST), callback, context)
    }

    /// Watches `descriptor` for room to write.
    package static func write(
        _ base: EventBase, _ descriptor: Int32, _ callback: EventCallback, _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, descriptor, Int16(EV_WRITE | EV_PERSIST), callback, context)
    }

    /// Calls back when the process gets `signal`.
    package static func signal(
        _ base: EventBase, _ signal: Int32, _ callback: EventCallback, _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, signal, Int16(EV_SIGNAL | EV_PERSIST), callback, context)
    }

    /// Calls back every period given to `add(every:)`.
    package static func timer(
        _ base: EventBase, _ callback: EventCallback, _ context: UnsafeMutableRawPointer
    ) -> Event {
        unsafe Event(base, -1, Int16(EV_PERSIST), callback, context)
    }

    private init(
        _ base: EventBase, _ descriptor: Int32, _ what: Int16, _ callback: EventCallback,
        _ context: UnsafeMutableRawPointer
    ) {
        unsafe handle = .allocate(capacity: 1)
        unsafe handle.initialize(to: event())
        unsafe event_assign(handle, base.handle, descriptor, what, callback, context)
    }

    deinit {
        if isAdded { unsafe event_del(handle) }
        unsafe handle.deallocate()
    }

    /// Starts watching; nothing where it already does.
    package mutating func add() {
        guard !isAdded else { return }
        unsafe event_add(handle, nil)
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
        unsafe event_del(handle)
        isAdded = false
    }
}
