internal import COpenSSL

// Sessions at the back are taken up again: the last one that a backend has given, for each pool.

/// Holds one session (SSL_SESSION). Its owner outlives every connection that was made with it.
@safe package struct TLSResumption: ~Copyable {
    /// An allocation of its own, whose address connections carry; owns the session in it.
    private let slot: UnsafeMutablePointer<OpaquePointer?>

    package init() {
        unsafe slot = .allocate(capacity: 1)
        unsafe slot.initialize(to: nil)
    }

    deinit {
        unsafe SSL_SESSION_free(slot.pointee)
        unsafe slot.deallocate()
    }

    func attach(to session: OpaquePointer) {
        if let saved = unsafe slot.pointee, unsafe isGood(saved, for: session) {
            _ = unsafe SSL_set_session(session, saved)
        }
        unsafe SSL_set_ex_data(session, Self.index, slot)
    }

    /// Whether a backend that has to prove who it is could do so by its certificate of then, still.
    private func isGood(_ saved: OpaquePointer, for session: OpaquePointer) -> Bool {
        unsafe SSL_get_verify_mode(session) == SSL_VERIFY_NONE || isInForce(saved)
    }

    /// Under which connections carry the slot; one for the process.
    fileprivate static let index = CRYPTO_get_ex_new_index(
        CRYPTO_EX_INDEX_SSL, 0, nil, nil, nil, nil)
}

/// Takes a session over that a backend has given (SSL_CTX_sess_set_new_cb).
func keepSession(_ connection: OpaquePointer?, _ session: OpaquePointer?) -> Int32 {
    guard let slot = unsafe SSL_get_ex_data(connection, TLSResumption.index) else { return 0 }
    let saved = unsafe slot.assumingMemoryBound(to: OpaquePointer?.self)
    unsafe SSL_SESSION_free(saved.pointee)
    unsafe saved.pointee = session
    return 1
}
