internal import CLibevent
internal import Glibc

// One event loop (libevent's event_base), confined to one thread.

/// A loop without locks: everything registered with it belongs to the thread that runs it.
@safe package final class EventBase {
    let handle: OpaquePointer

    /// Nil where libevent cannot make a base (no epoll, no descriptor left).
    package init?() {
        guard Self.hasDescriptors, let configuration = unsafe event_config_new() else { return nil }
        defer { unsafe event_config_free(configuration) }
        unsafe event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = unsafe event_base_new_with_config(configuration) else { return nil }
        unsafe handle = base
    }

    /// Whether there are three more: epoll's, and a pipe for signals. libevent ends the process
    /// where it finds none for that.
    private static var hasDescriptors: Bool {
        var isThere = true
        let tried = (0..<3).map { _ in eventfd(0, Int32(EFD_CLOEXEC)) }
        for descriptor in tried {
            if descriptor >= 0 { _ = close(descriptor) } else { isThere = false }
        }
        return isThere
    }

    deinit { unsafe event_base_free(handle) }

    /// Lends libevent's own handle to what registers itself with the loop.
    package func withBorrowedHandle<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe body(handle)
    }

    /// Waits until something happens, and runs the callbacks of all that happened.
    /// False where nothing is registered or the loop failed.
    package func runOnce() -> Bool {
        unsafe event_base_loop(handle, EVLOOP_ONCE) == 0
    }
}

/// What libevent calls: descriptor, what happened, the context given at registration.
package typealias EventCallback = @convention(c) (Int32, Int16, UnsafeMutableRawPointer?) -> Void
