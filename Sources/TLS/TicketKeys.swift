internal import COpenSSL
internal import Glibc
internal import Memory

// Session tickets are encrypted with keys that all workers share and nobody else has. They are
// replaced while handshakes ask for them, and outlive a reload.

/// The keys of tickets: the one that is used, and the one before it.
final class TicketKeys: Sendable {
    /// Of the process.
    static let shared = TicketKeys()

    struct Key: Sendable {
        /// By which a ticket says what it was encrypted with.
        var name: (UInt64, UInt64)
        var cipher: [UInt8]
        var mac: [UInt8]
        /// Monotonic seconds.
        var born: Int

        init(born: Int) {
            var random = [UInt8](repeating: 0, count: 80)
            // 1 unless the system has no randomness, and then nothing is safe.
            precondition(unsafe RAND_bytes(&random, 80) == 1, "no randomness")
            let words = unsafe random.withUnsafeBytes { unsafe $0.load(as: (UInt64, UInt64).self) }
            name = words
            cipher = Array(random[16..<48])
            mac = Array(random[48..<80])
            self.born = born
        }
    }

    private struct State {
        var current: Key
        var previous: Key?
    }

    private let state: Lock<State?> = Lock(nil)
    /// Seconds for which one key encrypts; for as long again it decrypts.
    static let lifetime = 12 * 3600

    /// The key for a new ticket.
    func current(now: Int) -> Key {
        state.withLock { state in
            Self.renew(&state, now)
            return state?.current ?? Key(born: now)
        }
    }

    /// The key of that name, and whether its tickets should be replaced.
    func named(_ name: (UInt64, UInt64), now: Int) -> (key: Key, isOld: Bool)? {
        state.withLock { state in
            Self.renew(&state, now)
            guard let state else { return nil }
            if state.current.name == name { return (state.current, false) }
            guard let previous = state.previous, previous.name == name else { return nil }
            return (previous, true)
        }
    }

    private static func renew(_ state: inout State?, _ now: Int) {
        guard let old = state else {
            state = State(current: Key(born: now))
            return
        }
        let age = now - old.current.born
        guard age >= lifetime else { return }
        state = State(current: Key(born: now), previous: age < 2 * lifetime ? old.current : nil)
    }
}

private func monotonicSeconds() -> Int {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return time.tv_sec
}

/// Encrypts a new ticket or decrypts one (SSL_CTX_set_tlsext_ticket_key_evp_cb): AES-256-CBC with
/// HMAC-SHA-256, as RFC 5077 §4 recommends.
func protectTicket(
    _: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ start: UnsafeMutablePointer<UInt8>?,
    _ cipher: OpaquePointer?, _ mac: OpaquePointer?, _ encrypts: Int32
) -> Int32 {
    guard let name = unsafe name, let start = unsafe start else { return -1 }
    // OpenSSL gives 16 bytes for the name, and a block for the start value.
    let raw = UnsafeMutableRawPointer(name)
    let now = monotonicSeconds()
    var isOld = false
    let key: TicketKeys.Key
    if encrypts != 0 {
        key = TicketKeys.shared.current(now: now)
        unsafe raw.storeBytes(of: key.name.0, as: UInt64.self)
        unsafe raw.storeBytes(of: key.name.1, toByteOffset: 8, as: UInt64.self)
        guard unsafe RAND_bytes(start, 16) == 1,
            unsafe EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipher, start) == 1
        else { return -1 }
    } else {
        let asked = unsafe (
            raw.loadUnaligned(as: UInt64.self),
            raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        )
        // An unknown one means a whole handshake, not a failure.
        guard let found = TicketKeys.shared.named(asked, now: now) else { return 0 }
        key = found.key
        isOld = found.isOld
        guard unsafe EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, key.cipher, start) == 1
        else { return -1 }
    }
    guard unsafe methodgate_ticket_mac(mac, key.mac, key.mac.count) == 1 else { return -1 }
    return isOld ? 2 : 1
}
