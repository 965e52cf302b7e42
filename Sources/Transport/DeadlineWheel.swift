// Deadlines of a worker's connections: one timer for all of them. Moving a deadline later, which
// every request does, is one store; the wheel finds out when the old slot comes round.

/// What the wheel calls when a deadline has passed: the context given at registration.
package typealias DeadlineCallback = @convention(c) (UnsafeMutableRawPointer) -> Void

/// One connection's deadline: a node of the wheel, at a stable address of its own.
@safe package struct Deadline: ~Copyable {
    @unsafe struct Node {
        /// Milliseconds on the monotonic clock; `.max` for none.
        var due: UInt64
        /// When the slot it sits in comes round; 0 where it sits in none.
        var slotTime: UInt64
        var previous: UnsafeMutablePointer<Node>?
        var next: UnsafeMutablePointer<Node>?
        let callback: DeadlineCallback
        let context: UnsafeMutableRawPointer
        var wheel: Ref<DeadlineWheel>
    }

    private let node: UnsafeMutablePointer<Node>

    /// A deadline that is not set.
    package init(
        on wheel: Ref<DeadlineWheel>, _ callback: DeadlineCallback,
        _ context: UnsafeMutableRawPointer
    ) {
        unsafe node = .allocate(capacity: 1)
        unsafe node.initialize(
            to: Node(
                due: .max, slotTime: 0, previous: nil, next: nil, callback: callback,
                context: context, wheel: wheel))
    }

    deinit {
        if unsafe node.pointee.slotTime != 0 { unsafe node.pointee.wheel.value.unlink(node) }
        unsafe node.deallocate()
    }

    /// Calls back `milliseconds` from now, unless set again or cleared before.
    @inline(__always)
    package func set(_ milliseconds: Int) {
        let due = unsafe node.pointee.wheel.value.now &+ UInt64(milliseconds)
        unsafe node.pointee.due = due
        let slot = unsafe node.pointee.slotTime
        // A slot that comes round before `due` is found and moved on then.
        if slot == 0 || due < slot { relink() }
    }

    @inline(never) private func relink() {
        if unsafe node.pointee.slotTime != 0 { unsafe node.pointee.wheel.value.unlink(node) }
        unsafe node.pointee.wheel.value.link(node)
    }

    /// Takes the deadline back.
    package func clear() { unsafe node.pointee.due = .max }
}

/// A hashed wheel of deadlines, advanced by its worker's tick.
@safe package struct DeadlineWheel: ~Copyable {
    /// Milliseconds between two slots, and so how late a deadline may be noticed.
    package static let tick = 100
    private static let slotCount = 1024

    /// Monotonic milliseconds as of this iteration of the loop.
    package var now: UInt64
    /// Nodes in slots; with none the worker need not tick.
    package private(set) var count = 0
    private let slots: UnsafeMutablePointer<UnsafeMutablePointer<Deadline.Node>?>
    /// The next slot to look at, as a multiple of the tick.
    private var cursor: UInt64
    /// Slots are being emptied: the cursor stays where it is.
    private var isAdvancing = false

    /// `now`: monotonic milliseconds.
    package init(now: UInt64) {
        self.now = now
        cursor = now / UInt64(Self.tick)
        unsafe slots = .allocate(capacity: Self.slotCount)
        unsafe slots.initialize(repeating: nil, count: Self.slotCount)
    }

    deinit { unsafe slots.deallocate() }

    mutating func link(_ node: UnsafeMutablePointer<Deadline.Node>) {
        let tick = UInt64(Self.tick)
        if count == 0 && !isAdvancing { cursor = now / tick }
        // Beyond the horizon it waits in the last slot and is moved on from there.
        let wanted = (unsafe node.pointee.due) / tick + 1
        let slot = Swift.min(Swift.max(wanted, cursor + 1), cursor + UInt64(Self.slotCount) - 1)
        let index = Int(slot % UInt64(Self.slotCount))
        unsafe node.pointee.slotTime = slot * tick
        unsafe node.pointee.previous = nil
        unsafe node.pointee.next = slots[index]
        unsafe slots[index]?.pointee.previous = node
        unsafe slots[index] = node
        count += 1
    }

    mutating func unlink(_ node: UnsafeMutablePointer<Deadline.Node>) {
        let index = Int((unsafe node.pointee.slotTime) / UInt64(Self.tick) % UInt64(Self.slotCount))
        if let previous = unsafe node.pointee.previous {
            unsafe previous.pointee.next = node.pointee.next
        } else {
            unsafe slots[index] = node.pointee.next
        }
        unsafe node.pointee.next?.pointee.previous = node.pointee.previous
        unsafe node.pointee.slotTime = 0
        count -= 1
    }

    /// Calls back every deadline that has passed. A callback may set or clear any deadline but
    /// destroys none: connections are freed between two iterations.
    package static func advance(_ wheel: Ref<DeadlineWheel>) {
        let current = wheel.value.now / UInt64(tick)
        wheel.value.isAdvancing = true
        defer { wheel.value.isAdvancing = false }
        while wheel.value.cursor < current {
            wheel.value.cursor += 1
            fire(wheel, slot: Int(wheel.value.cursor % UInt64(slotCount)))
        }
    }

    /// Takes the slot's nodes one by one from its front, since a callback may unlink any of them;
    /// none is ever linked into the slot that is being emptied, which is the cursor's.
    private static func fire(_ wheel: Ref<DeadlineWheel>, slot: Int) {
        while let node = unsafe wheel.value.slots[slot] {
            unsafe wheel.value.unlink(node)
            let due = unsafe node.pointee.due
            if due == .max { continue }
            if due > wheel.value.now {
                unsafe wheel.value.link(node)
            } else {
                unsafe node.pointee.due = .max
                unsafe node.pointee.callback(node.pointee.context)
            }
        }
    }
}
