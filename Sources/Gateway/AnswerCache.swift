import Audit
import HTTPSyntax
import Policy
import Transport

// Rejections put together once and sent many times: for the same rule, method and form of answer
// only the date and the event's id differ. Direct-mapped, so that an attacker's variety costs
// others no more than writing their answers anew.

/// What an answer depends on besides date and id.
struct AnswerKey: Equatable, BitwiseCopyable {
    var rule: Int32
    var method: UInt8
    /// The form's number, and whether it closes.
    var form: UInt8

    init(_ rule: Int32, _ method: MethodID, _ form: AnswerForm, closes: Bool) {
        self.rule = rule
        self.method = method.rawValue
        self.form = form.number | (closes ? 32 : 0)
    }

    // Written out because the derived one compares by calls.
    static func == (left: AnswerKey, right: AnswerKey) -> Bool {
        left.rule == right.rule && left.method == right.method && left.form == right.form
    }

    var slot: Int {
        let mixed = UInt32(bitPattern: rule) &* 31 &+ UInt32(method) &* 7 &+ UInt32(form)
        return Int(mixed) & (AnswerCache.capacity - 1)
    }
}

/// One kept answer, and where its variable parts stand.
struct KeptAnswer: ~Copyable {
    var key: AnswerKey
    var bytes = ByteBuffer()
    /// Bytes of content among them.
    var content = 0
    var dateOffset = 0
    /// Where the event is named: once in the head, and as often as the content likes.
    var idOffsets = SIMD4<Int32>(repeating: -1)
}

/// A worker's kept answers; emptied when the policy changes.
struct AnswerCache: ~Copyable {
    static let capacity = 64
    /// Longer answers are not kept: only a template makes one, and putting it together is mostly
    /// copying.
    static let longest = 16 * 1024

    private var slots: [Ref<KeptAnswer>?] = Array(repeating: nil, count: capacity)
    private var id = ByteBuffer(capacity: 64)
    /// Bytes of the answer appended last, and of its content.
    private(set) var lastLength = 0
    private(set) var lastContent = 0

    deinit {
        for slot in slots { slot?.destroy() }
    }

    /// Appends the kept answer, with this date and id; false where there is none.
    mutating func append(
        _ key: AnswerKey, id eventID: EventID, date: ByteView, to output: inout ByteBuffer
    ) -> Bool {
        guard let kept = slots[key.slot], kept.value.key == key else { return false }
        let start = output.count
        lastLength = kept.value.bytes.count
        lastContent = kept.value.content
        output.append(kept.value.bytes.view)
        output.overwrite(at: start + kept.value.dateOffset, with: date)
        id.removeAll()
        eventID.append(to: &id)
        for index in 0..<4 {
            let offset = Int(kept.value.idOffsets[index])
            guard offset >= 0 else { break }
            output.overwrite(at: start + offset, with: id.view)
        }
        return true
    }

    /// Keeps an answer that was just written with this date and id.
    mutating func keep(
        _ key: AnswerKey, _ answer: ByteView, content: Int, id eventID: EventID, date: ByteView
    ) {
        id.removeAll()
        eventID.append(to: &id)
        guard answer.count <= Self.longest, let dateOffset = answer.offset(of: date),
            let idOffsets = Self.offsets(of: id.view, in: answer)
        else { return }
        let kept = slots[key.slot] ?? .make(KeptAnswer(key: key))
        slots[key.slot] = kept
        kept.value.key = key
        kept.value.bytes.removeAll()
        kept.value.bytes.append(answer)
        kept.value.content = content
        kept.value.dateOffset = dateOffset
        kept.value.idOffsets = idOffsets
    }

    /// Where the id stands; nil where that is too often, or nowhere.
    private static func offsets(of id: ByteView, in answer: ByteView) -> SIMD4<Int32>? {
        var offsets = SIMD4<Int32>(repeating: -1)
        var count = 0
        var start = 0
        while let offset = answer.dropFirst(start).offset(of: id) {
            guard count < 4 else { return nil }
            offsets[count] = Int32(start + offset)
            count += 1
            start += offset + id.count
        }
        return count > 0 ? offsets : nil
    }

    /// Forgets everything: rules have other numbers now.
    mutating func removeAll() {
        for index in slots.indices {
            slots[index]?.destroy()
            slots[index] = nil
        }
    }
}

extension ByteView {
    /// Where `other` stands first.
    func offset(of other: ByteView) -> Int? {
        guard !other.isEmpty, count >= other.count else { return nil }
        var start = 0
        while let found = firstIndex(of: other[0], from: start), found <= count - other.count {
            if slice(found, other.count).equals(other) { return found }
            start = found + 1
        }
        return nil
    }
}
