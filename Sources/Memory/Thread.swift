internal import CLinux
internal import Glibc

// Threads: those of the workers, started once and joined at the end, and short ones for calls that
// may never return.

/// A thread of the process (pthreads(7)), started with every signal blocked: signals belong to
/// the main thread.
package final class Thread: @unchecked Sendable {
    private var handle = pthread_t()

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Nil where the kernel gives no thread.
    package init?(name: String, _ body: @escaping @Sendable () -> Void) {
        var all = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&all)
        unsafe pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        let start = unsafe Unmanaged.passRetained(Start(body)).toOpaque()
        let code = unsafe pthread_create(&handle, nil, threadMain, start)
        guard code == 0 else {
            unsafe Unmanaged<Start>.fromOpaque(start).release()
            return nil
        }
        _ = unsafe methodgate_name_thread(handle, String(name.prefix(15)))
    }

    /// Waits for its end.
    package func join() { _ = pthread_join(handle, nil) }

    /// Lets it go: nobody will wait for its end.
    package func detach() { _ = pthread_detach(handle) }

    /// A top-level function: a closure given to pthread_create in a main file would be bound to
    /// the main actor and die on any other thread.
    fileprivate static func run(_ argument: UnsafeMutableRawPointer) {
        let start = unsafe Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
        start.body()
    }
}

private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument = unsafe argument { unsafe Thread.run(argument) }
    return nil
}
