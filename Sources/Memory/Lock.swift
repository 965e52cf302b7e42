internal import Glibc

// Mutual exclusion by pthreads' mutex, which ThreadSanitizer knows. A contended Mutex of the
// Synchronization module goes on in Swift's runtime, where it sees nothing: what two threads do
// there one after the other looks like a race.

/// A value that one thread at a time may touch.
@safe package struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    /// Owned, as is `value`: both stay where they are for as long as threads may wait.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let value: UnsafeMutablePointer<Value>

    package init(_ value: consuming sending Value) {
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
        unsafe self.value = .allocate(capacity: 1)
        unsafe self.value.initialize(to: value)
    }

    deinit {
        unsafe value.deinitialize(count: 1)
        unsafe value.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// Waits until no other thread has the value, and lends it. Traps where the thread has it
    /// already and the system notices.
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let code = unsafe pthread_mutex_lock(mutex)
        precondition(code == 0, "a lock that cannot be taken")
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&value.pointee)
    }

    /// Lends the value where no other thread has it, and never waits (pthread_mutex_trylock); nil
    /// where one has.
    package borrowing func withLockIfFree<Result: ~Copyable, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        let code = unsafe pthread_mutex_trylock(mutex)
        if code == EBUSY { return nil }
        precondition(code == 0, "a lock that cannot be taken")
        defer { _ = unsafe pthread_mutex_unlock(mutex) }
        return try unsafe body(&value.pointee)
    }
}
