import HTTPSyntax

// A look at the head of each frame before nghttp2 gets it, for what that lets pass without a word:
// frames it ignores cost something, too, and a stream may not be opened below one that is open
// already.

/// Finds the frames in a client's bytes (RFC 9113 §4.1), whose payload is left alone.
package struct FrameScanner: BitwiseCopyable {
    /// Bytes of the preface, or of a payload, that are still to come.
    private var rest: Int
    /// What has come of a frame's head, from the left, and how many bytes of it.
    private var head: (UInt64, UInt8) = (0, 0)
    private var headCount = 0
    /// The highest stream that was opened, and the one before: what lies between them can never be
    /// opened any more.
    private var last: UInt32 = 0
    private var lastBefore: UInt32 = 0
    /// DATA frames that began since `takeContentFrames`, and whether the last one goes on.
    private var contentFrames = 0
    private var isContent = false
    /// The payload of a server's DATA frame begins with how much of it is padding.
    private var isPadded = false
    /// HEADERS frames that began since `takeHeadFrames`, and whether the last one goes on.
    private var headFrames = 0
    private var isHead = false
    /// The last frame of a section has not begun.
    private var hasOpenSection = false
    /// Field sections that have begun so far: tells one from the next.
    private(set) var sectionCount: UInt64 = 0
    /// A field section has begun, and its last byte has not come.
    var isInSection: Bool { hasOpenSection || isInLastOfSection && rest > 0 }
    private var isInLastOfSection = false
    /// On which stream the last section began.
    private(set) var sectionStream: UInt32 = 0
    /// Bytes that the frames of the last section say they have, so far.
    private(set) var sectionSize = 0
    /// CONTINUATION frames in a row.
    private var continuations = 0
    /// More of them are a flood: nghttp2 counts them as well, but each piece in which the head of
    /// one comes as another.
    private var mostContinuations = 8

    /// The streams that the client has ended, each where its number says: the last 128 of them.
    private var ended = InlineArray<128, UInt32>(repeating: 0)
    /// What a PRIORITY frame makes its stream depend on, as far as that has come, how many bytes of
    /// it are to come, and the stream.
    private var dependency: (value: UInt32, rest: UInt8, stream: UInt32) = (0, 0, 0)

    /// Whose frames they are.
    enum Sender: BitwiseCopyable {
        /// It opens streams, in order.
        case client
        /// It answers on streams, in any order, and has been told to push nothing.
        case server
    }

    private let sender: Sender

    /// - Parameter preface: bytes before the first frame.
    init(preface: Int, sender: Sender = .client) {
        rest = preface
        self.sender = sender
    }

    /// Takes in how long a head may be, in bytes: what has room for it in frames of the usual size
    /// (RFC 9113 §4.2) is no flood.
    mutating func adopt(_ limits: HeaderBlock.Limits) {
        mostContinuations = max(8, min(limits.head, 1 << 30) / 16384 + 1)
    }

    /// What a look came to.
    enum Finding: Equatable {
        /// So many bytes are fit for nghttp2.
        case sound(Int)
        /// The connection is to end: a frame breaks the order of streams, or is one of too many in a
        /// row.
        case broken(ErrorCode)
    }

    /// Looks at the bytes that come next: all of them, or as far as one of the limits goes.
    ///
    /// - Parameters:
    ///   - limit: HEADERS and RST_STREAM frames, which begin and end what costs more than they do.
    ///   - work: what it takes to read them; a frame is 1, and so are 32 bytes of a field section.
    mutating func scan(
        _ bytes: ByteView, _ budget: inout FrameBudget, limit: Int = .max, work: Int = .max
    ) -> Finding {
        var offset = 0
        var count = 0
        var done = 0
        while true {
            if dependency.rest > 0 {
                while dependency.rest > 0, offset < bytes.count { takeDependency(bytes, &offset) }
                guard dependency.rest == 0 else { return .sound(offset) }
                if dependency.value & 0x7fff_ffff == dependency.stream {
                    return .broken(.protocolError)
                }
            }
            if isPadded, offset < bytes.count {
                isPadded = false
                if Int(bytes[offset]) >= rest - 1 { budget.note(.controlFrame) }
            }
            let skipped = min(rest, bytes.count - offset)
            rest -= skipped
            offset += skipped
            if rest == 0, count == limit || done >= work { return .sound(offset) }
            while headCount < 9, offset < bytes.count {
                take(bytes[offset])
                offset += 1
            }
            guard headCount == 9 else { return .sound(offset) }
            if let code = note(&budget) { return .broken(code) }
            headCount = 0
            if type == 1 || type == 3 { count += 1 }
            done += type == 1 || type == 9 ? 1 + rest &>> 5 : 1
        }
    }

    private mutating func take(_ byte: UInt8) {
        if headCount < 8 { head.0 = head.0 &<< 8 | UInt64(byte) } else { head.1 = byte }
        headCount += 1
    }

    private mutating func takeDependency(_ bytes: ByteView, _ offset: inout Int) {
        dependency.value = dependency.value &<< 8 | UInt32(bytes[offset])
        dependency.rest -= 1
        rest -= 1
        offset += 1
    }

    /// Of the frame whose head came last.
    private var type: UInt8 { UInt8(truncatingIfNeeded: head.0 &>> 32) }

    /// A frame's head is whole.
    private mutating func note(_ budget: inout FrameBudget) -> ErrorCode? {
        rest = Int(head.0 &>> 40)
        let type = type
        let stream = UInt32(truncatingIfNeeded: head.0 &<< 8 | UInt64(head.1)) & 0x7fff_ffff
        isContent = type == 0
        isHead = type == 1
        let flags = UInt8(truncatingIfNeeded: head.0 &>> 24)
        noteSection(type, flags: flags, on: stream)
        if sender == .client, type <= 3, let code = noteStream(stream, type, flags) { return code }
        switch type {
        // Whether a client's holds anything, and for whom, nghttp2 says.
        case 0:
            contentFrames += 1
            if sender == .server {
                isPadded = rest > 0 && flags & 8 != 0
                if rest == 0 { budget.note(.controlFrame) }
            }
        case 1:
            continuations = 0
            headFrames += 1
            // One on a stream that has ended is decoded and dropped.
            if sender == .server { budget.note(.controlFrame) }
        case 5 where sender == .server: return .protocolError
        case 9:
            continuations += 1
            budget.note(.controlFrame)
            if continuations > mostContinuations { return .enhanceYourCalm }
        case 6, 8: budget.note(.report)
        default: budget.note(.controlFrame)
        }
        return nil
    }

    /// HEADERS and CONTINUATION (RFC 9113 §6.2, §6.10), where nghttp2 says nothing of the stream's
    /// fields, too.
    private mutating func noteSection(_ type: UInt8, flags: UInt8, on stream: UInt32) {
        guard type == 1 || type == 9 else {
            isInLastOfSection = false
            return
        }
        if type == 1 {
            sectionCount &+= 1
            sectionStream = stream
            sectionSize = 0
        }
        sectionSize += rest
        isInLastOfSection = flags & 4 != 0
        hasOpenSection = !isInLastOfSection
    }

    /// How many DATA frames have come whole since the last call.
    mutating func takeContentFrames() -> Int {
        let running = isContent && rest > 0 ? 1 : 0
        defer { contentFrames = running }
        return contentFrames - running
    }

    /// Likewise, HEADERS frames.
    mutating func takeHeadFrames() -> Int {
        let running = isHead && rest > 0 ? 1 : 0
        defer { headFrames = running }
        return headFrames - running
    }

    // MARK: Streams

    /// DATA, HEADERS, PRIORITY and RST_STREAM of a client, for what nghttp2 does not look at where
    /// it has forgotten streams that have ended, and ignores priorities.
    @inline(__always)
    private mutating func noteStream(_ stream: UInt32, _ type: UInt8, _ flags: UInt8) -> ErrorCode?
    {
        if type == 2 { return notePriority(stream) }
        let place = Int(stream &>> 1 & 127)
        if type < 2 {
            if type == 1, stream > last {
                (lastBefore, last) = (last, stream)
            } else if ended[place] == stream, stream > 0 {
                // RFC 9113 §5.1: nothing but an answer is to come here any more.
                return .streamClosed
            } else if type == 1, stream > lastBefore, stream != last {
                return .protocolError
            }
        }
        if type == 3 || flags & 1 != 0 { ended[place] = stream }
        return nil
    }

    /// A stream that depends on itself is an error wherever priorities mean anything (RFC 7540
    /// §5.3.1), and one that is none everywhere (RFC 9113 §6.3).
    private mutating func notePriority(_ stream: UInt32) -> ErrorCode? {
        guard stream > 0 else { return .protocolError }
        if rest == 5 { dependency = (0, 4, stream) }
        return nil
    }
}
