internal import CLibevent

// One event loop (libevent's event_base), confined to one thread.

/// A loop without locks: everything registered with it belongs to the thread that runs it.
@safe package final class EventBase {
    let handle: OpaquePointer

    /// Nil where libevent cannot make a base (no epoll, no descriptor left).
    package init?() {
        guard let configuration = unsafe event_config_new() else { return nil }
        defer { unsafe event_config_free(configuration) }
        unsafe event_config_set_flag(configuration, Int32(EVENT_BASE_FLAG_NOLOCK.rawValue))
        guard let base = unsafe event_base_new_with_config(configuration) else { return nil }
        unsafe handle = base
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
