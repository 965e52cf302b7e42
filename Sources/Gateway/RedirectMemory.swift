import Audit
import HTTPSyntax
import Memory
import Synchronization

// Redirects that are about to turn a request into a GET that this policy rejects. Clients follow a
// 301 or 302 after a POST with a GET (RFC 9110 §15.4.2 lets them), often on a connection that
// another worker has, so that the memory is shared. It is small, forgets within seconds, and is
// written only for a redirect to where GET is not allowed: a mistake of the backend's, as a rule.

/// What is remembered of one redirect.
struct RedirectNote: ~Copyable {
    var status: UInt16 = 0
    var time = Timestamp(microseconds: 0)
    /// The method of the request that was redirected, then its path.
    fileprivate var text = ByteBuffer(capacity: RedirectMemory.textLimit)
    fileprivate var methodLength = 0

    var method: ByteView { text.view.slice(0, methodLength) }
    var path: ByteView { text.view.dropFirst(methodLength) }
}

/// Redirects by whom they were given to and where they lead. Thread-safe.
final class RedirectMemory: Sendable {
    /// Milliseconds after which nobody is expected to follow any more.
    static let lifetime: UInt64 = 10_000
    /// Bytes of a method and a path together; of more, the rest is not remembered.
    static let textLimit = 256
    private static let sets = 64
    /// Redirects with keys of one set; the oldest gives way.
    private static let ways = 4

    private struct Slot: BitwiseCopyable {
        var key: UInt64 = 0
        /// In monotonic milliseconds; 0: never.
        var at: UInt64 = 0
        var time: Timestamp
        var status: UInt16 = 0
        var methodLength = 0
        var length = 0
    }

    private struct Slots: ~Copyable {
        var slots: [Slot] = []
        var text = ByteBuffer()
    }

    /// When something was last remembered: without that, nobody looks further.
    private let newest = Atomic<UInt64>(0)
    /// The slots' keys, to be looked through without the lock.
    private let keys: InlineArray<256, Atomic<UInt64>> = InlineArray { _ in Atomic(0) }
    private let slots = Lock(Slots())

    /// Whether anything may be found at all; `now` in monotonic milliseconds.
    func isWorthAsking(at now: UInt64) -> Bool {
        let newest = newest.load(ordering: .relaxed)
        return newest != 0 && now < newest + Self.lifetime
    }

    func remember(
        _ key: UInt64, status: UInt16, method: ByteView, path: ByteView, at now: UInt64,
        _ time: Timestamp
    ) {
        guard method.count < Self.textLimit else { return }
        slots.withLock { slots in
            if slots.slots.isEmpty { Self.furnish(&slots) }
            let index = Self.slot(for: key, in: slots)
            let path = path.slice(0, min(path.count, Self.textLimit - method.count))
            slots.text.overwrite(at: index * Self.textLimit, with: method)
            slots.text.overwrite(at: index * Self.textLimit + method.count, with: path)
            slots.slots[index] = Slot(
                key: key, at: max(now, 1), time: time, status: status, methodLength: method.count,
                length: method.count + path.count)
            keys[index].store(key, ordering: .relaxed)
        }
        newest.store(max(now, 1), ordering: .relaxed)
    }

    /// The redirect with that key, if it is not too old.
    func find(_ key: UInt64, at now: UInt64, into note: inout RedirectNote) -> Bool {
        let first = Self.first(key)
        var isKnown = false
        for index in first..<first + Self.ways where keys[index].load(ordering: .relaxed) == key {
            isKnown = true
        }
        guard isKnown else { return false }
        return slots.withLock { slots in
            guard !slots.slots.isEmpty else { return false }
            for index in first..<first + Self.ways where slots.slots[index].key == key {
                let slot = slots.slots[index]
                guard slot.at != 0, now < slot.at + Self.lifetime else { return false }
                note.status = slot.status
                note.time = slot.time
                note.methodLength = slot.methodLength
                note.text.removeAll()
                note.text.append(slots.text.view.slice(index * Self.textLimit, slot.length))
                return true
            }
            return false
        }
    }

    private static func first(_ key: UInt64) -> Int { Int(key % UInt64(sets)) * ways }

    /// The one with that key, or the oldest of its set.
    private static func slot(for key: UInt64, in slots: borrowing Slots) -> Int {
        var best = first(key)
        for index in first(key)..<first(key) + ways {
            if slots.slots[index].key == key { return index }
            if slots.slots[index].at < slots.slots[best].at { best = index }
        }
        return best
    }

    /// Nobody pays for it who never has such a redirect.
    private static func furnish(_ slots: inout Slots) {
        let none = Slot(time: Timestamp(microseconds: 0))
        slots.slots = Array(repeating: none, count: sets * ways)
        let length = sets * ways * textLimit
        slots.text.reserve(length)
        for _ in 0..<length { slots.text.append(byte: 0) }
    }
}
