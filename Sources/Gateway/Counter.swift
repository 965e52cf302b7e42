import Synchronization

// What a worker counts, for the main thread to read at any time. Each count has one writer, so
// that raising it is a plain load and store; readers may be a moment behind.

/// A number that one thread raises and others read.
package struct Counter: ~Copyable {
    private let number = Atomic<UInt64>(0)

    package init() {}

    /// By the one writer alone.
    @inline(__always) func add(_ amount: UInt64 = 1) {
        number.store(number.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// Replaces what it said: for what goes up and down. By the one writer alone.
    @inline(__always) func set(_ amount: UInt64) { number.store(amount, ordering: .relaxed) }

    package var value: UInt64 { number.load(ordering: .relaxed) }
}

/// A fixed number of counters side by side.
@safe package struct CounterArray: ~Copyable, @unchecked Sendable {
    private let base: UnsafeMutablePointer<Counter>
    package let count: Int

    init(count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
        for index in 0..<count { unsafe (base + index).initialize(to: Counter()) }
    }

    deinit {
        unsafe base.deinitialize(count: count)
        unsafe base.deallocate()
    }

    @inline(__always) func add(_ index: Int, _ amount: UInt64 = 1) {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such counter")
        unsafe base[index].add(amount)
    }

    package func value(_ index: Int) -> UInt64 {
        precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "no such counter")
        return unsafe base[index].value
    }
}
