internal import CLibevent
internal import Glibc

// The only way from one thread to another: messages under a lock, announced by an eventfd(2).

/// Messages for the thread whose loop watches `descriptor`. Any thread may post.
@safe package final class Mailbox<Message: Sendable>: @unchecked Sendable {
    /// Readable while messages wait.
    package let descriptor: Int32
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var messages: [Message] = []

    /// Nil where no descriptor is left.
    package init?() {
        descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        unsafe lock = .allocate(capacity: 1)
        unsafe pthread_mutex_init(lock, nil)
        guard descriptor >= 0 else { return nil }
    }

    deinit {
        if descriptor >= 0 { Socket.close(descriptor) }
        unsafe pthread_mutex_destroy(lock)
        unsafe lock.deallocate()
    }

    /// Leaves a message and wakes the reader.
    package func post(_ message: Message) {
        unsafe pthread_mutex_lock(lock)
        messages.append(message)
        unsafe pthread_mutex_unlock(lock)
        var one: UInt64 = 1
        _ = unsafe write(descriptor, &one, 8)
    }

    /// All that waits, oldest first.
    package func takeAll() -> [Message] {
        var count: UInt64 = 0
        _ = unsafe read(descriptor, &count, 8)
        unsafe pthread_mutex_lock(lock)
        defer { unsafe pthread_mutex_unlock(lock) }
        let taken = messages
        messages = []
        return taken
    }
}
