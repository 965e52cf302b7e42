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
struct AnswerTemplate: ~Copyable {
    var key: AnswerKey
    var bytes = ByteBuffer()
    /// Bytes of content among them.
    var content = 0
    var dateOffset = 0
    var headIDOffset = 0
    /// -1 where the content does not name the event.
    var bodyIDOffset = -1
}

/// A worker's kept answers; emptied when the policy changes.
struct AnswerCache: ~Copyable {
    static let capacity = 64
    /// Longer answers are not kept: their size is the client's doing.
    static let longest = 4096

    private var slots: [Ref<AnswerTemplate>?] = Array(repeating: nil, count: capacity)
    private var id = ByteBuffer(capacity: 64)
    /// Bytes of the answer appended last, and of its content.
    private(set) var lastLength = 0
    private(set) var lastContent = 0

    /// Appends the kept answer, with this date and id; false where there is none.
    mutating func append(
        _ key: AnswerKey, id eventID: EventID, date: ByteView, to output: inout ByteBuffer
    ) -> Bool {
        guard let template = slots[key.slot], template.value.key == key else { return false }
        let start = output.count
        lastLength = template.value.bytes.count
        lastContent = template.value.content
        output.append(template.value.bytes.view)
        output.overwrite(at: start + template.value.dateOffset, with: date)
        id.removeAll()
        eventID.append(to: &id)
        output.overwrite(at: start + template.value.headIDOffset, with: id.view)
        if template.value.bodyIDOffset >= 0 {
            output.overwrite(at: start + template.value.bodyIDOffset, with: id.view)
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
            let head = answer.offset(of: id.view)
        else { return }
        let template = slots[key.slot] ?? .make(AnswerTemplate(key: key))
        slots[key.slot] = template
        template.value.key = key
        template.value.bytes.removeAll()
        template.value.bytes.append(answer)
        template.value.content = content
        template.value.dateOffset = dateOffset
        template.value.headIDOffset = head
        let rest = answer.dropFirst(head + EventID.textLength)
        let body = rest.offset(of: id.view)
        template.value.bodyIDOffset = body.map { $0 + head + EventID.textLength } ?? -1
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
        for start in 0...(count - other.count) where slice(start, other.count).equals(other) {
            return start
        }
        return nil
    }
}
