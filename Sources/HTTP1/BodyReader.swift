// The content of a message as it streams through (RFC 9112 §6, §7): where it ends, and which of
// its bytes are forwarded. It works in the read buffer: what is dropped is closed up in place,
// and plain data in its own framing never moves.

package import HTTPSyntax

/// Reads one message's content; a few words, stored in a connection.
package struct BodyReader: Sendable, BitwiseCopyable {
    /// What the caller wants of the content.
    package enum Form: Sendable, BitwiseCopyable {
        /// In the framing it came in, chunk extensions dropped.
        case framed
        /// Without the chunked coding, for an HTTP/1.0 client.
        case decoded
        /// Nothing: it is only counted.
        case discarded
    }

    /// What one piece of input came to.
    package struct Progress: Equatable, Sendable, BitwiseCopyable {
        /// Input bytes used up; what is behind them is not this content's, or the trailer section.
        package var consumed: Int
        /// Bytes now at the front of the input, to be forwarded. Never more than `consumed`.
        package var kept: Int
        /// Bytes of the content itself among what was used up: without any framing.
        package var data: Int
        /// What is wrong at `consumed`; what was kept before it is still good. 400, of a
        /// response see `ProtocolError.inResponse`.
        package var error: ProtocolError?

        package init(consumed: Int, kept: Int, data: Int = 0, error: ProtocolError?) {
            self.consumed = consumed
            self.kept = kept
            self.data = data
            self.error = error
        }
    }

    private enum Phase: UInt8, BitwiseCopyable {
        case complete, counted, untilClose
        case firstDigit, moreDigits, chunkExtension, sizeEnd, data, dataCR, dataLF
        case trailers, failed
    }

    private var phase: Phase
    private var failure = Reason.chunkSizeInvalid
    private var digits: UInt8 = 0
    private var chunkExtension = ChunkExtension()
    /// Bytes of data still to come, of the content or of the chunk; while its digits are read,
    /// the chunk's size so far.
    private var remaining: UInt64 = 0

    /// For a content that ends so; `.none` is complete at once.
    package init(_ framing: BodyFraming) {
        switch framing {
        case .none: phase = .complete
        case .length(let length):
            phase = length == 0 ? .complete : .counted
            remaining = length
        case .chunked: phase = .firstDigit
        case .untilClose: phase = .untilClose
        }
    }

    /// Whether the content, its trailer section included, has ended. Never true of `untilClose`
    /// before `connectionClosed()`.
    package var isComplete: Bool { phase == .complete }
    /// Whether the last chunk has been read, so that a trailer section comes next.
    package var isAwaitingTrailers: Bool { phase == .trailers }

    /// The trailer section has been read.
    package mutating func trailersDone() {
        precondition(phase == .trailers, "no trailer section was awaited")
        phase = .complete
    }

    /// The sender closed: true where the content may end so (`untilClose`, or it had ended).
    package mutating func connectionClosed() -> Bool {
        if phase == .untilClose { phase = .complete }
        return phase == .complete
    }

    /// Takes what belongs to this content off the front of `bytes`, and moves what is to be
    /// forwarded of it to the front. Stops before a trailer section.
    package mutating func process(_ bytes: MutableByteView, as form: Form) -> Progress {
        switch phase {
        case .complete, .trailers: return Progress(consumed: 0, kept: 0, error: nil)
        case .failed: return Progress(consumed: 0, kept: 0, error: ProtocolError(failure))
        case .untilClose: return Self.plain(bytes.count, form)
        case .counted:
            let length = take(bytes.count)
            if remaining == 0 { phase = .complete }
            return Self.plain(length, form)
        default: return processChunks(bytes, form)
        }
    }

    /// The next stretch of data in `bytes` at or behind `offset`, which moves behind it; nil where
    /// they hold no more. Instead of `process`, for bytes that it has let pass elsewhere.
    package mutating func nextData(in bytes: ByteView, from offset: inout Int) -> ByteView? {
        while offset < bytes.count {
            switch phase {
            case .complete, .trailers, .failed: return nil
            case .untilClose, .counted, .data:
                let start = offset
                let isCounted = phase != .untilClose
                offset += isCounted ? take(bytes.count - start) : bytes.count - start
                if isCounted, remaining == 0 { phase = phase == .data ? .dataCR : .complete }
                return bytes.slice(start, offset - start)
            default:
                if step(bytes[offset]) == nil { phase = .failed }
                offset += 1
            }
        }
        return nil
    }

    private static func plain(_ length: Int, _ form: Form) -> Progress {
        let kept = form == .discarded ? 0 : length
        return Progress(consumed: length, kept: kept, data: length, error: nil)
    }

    /// Counts off data, at most `available` bytes of it.
    private mutating func take(_ available: Int) -> Int {
        let length = min(remaining, UInt64(available))
        remaining &-= length
        return Int(length)
    }

    private mutating func processChunks(_ bytes: MutableByteView, _ form: Form) -> Progress {
        var compactor = Compactor(bytes)
        while compactor.input < bytes.count && phase != .trailers {
            if phase == .data {
                let length = take(bytes.count - compactor.input)
                compactor.data &+= length
                compactor.pass(length, keeping: form != .discarded)
                if remaining == 0 { phase = .dataCR }
                continue
            }
            guard let keepsByte = step(bytes[compactor.input]) else {
                phase = .failed
                return compactor.progress(ProtocolError(failure))
            }
            // The `;` that begins extensions goes with them, the CR that ends them stays.
            compactor.pass(1, keeping: keepsByte && form == .framed)
        }
        return compactor.progress(nil)
    }

    /// Takes one byte of the framing; false where it belongs to an extension, nil where it is
    /// wrong, with `failure` set.
    private mutating func step(_ byte: UInt8) -> Bool? {
        switch phase {
        case .firstDigit, .moreDigits: return stepSize(byte)
        case .chunkExtension: return stepExtension(byte)
        case .sizeEnd:
            phase = remaining == 0 ? .trailers : .data
            return expect(0x0a, byte, else: .bareCR)
        case .dataCR:
            phase = .dataLF
            return expect(0x0d, byte, else: .chunkEndMissing)
        case .dataLF:
            phase = .firstDigit
            return expect(0x0a, byte, else: .chunkEndMissing)
        default: return nil
        }
    }

    private mutating func expect(_ expected: UInt8, _ byte: UInt8, else reason: Reason) -> Bool? {
        byte == expected ? true : fail(reason)
    }

    private mutating func fail(_ reason: Reason) -> Bool? {
        failure = reason
        return nil
    }

    private mutating func stepSize(_ byte: UInt8) -> Bool? {
        if let digit = ASCII.hexValue(byte) {
            if phase == .firstDigit {
                remaining = 0
                digits = 0
                phase = .moreDigits
            }
            digits &+= 1
            // 16 digits never overflow a UInt64; the size itself is a positive Int64.
            guard digits <= 16, remaining <= UInt64(Int64.max) >> 4 else {
                return fail(.chunkSizeTooLarge)
            }
            remaining = remaining &<< 4 | UInt64(digit)
            return true
        }
        guard phase == .moreDigits else {
            return fail(byte == 0x0a ? .bareLF : .chunkSizeInvalid)
        }
        switch byte {
        case 0x0d: phase = .sizeEnd
        case 0x3b:
            phase = .chunkExtension
            chunkExtension = ChunkExtension()
            return false
        case 0x0a: return fail(.bareLF)
        default: return fail(.chunkSizeInvalid)
        }
        return true
    }

    private mutating func stepExtension(_ byte: UInt8) -> Bool? {
        switch chunkExtension.take(byte) {
        case .more: return false
        case .ended:
            phase = .sizeEnd
            return true
        case .refused(let reason): return fail(reason)
        }
    }
}

/// Bytes that are read from one place and kept at another, never later one.
private struct Compactor {
    let bytes: MutableByteView
    /// What has been read.
    private(set) var input = 0
    /// What has been kept.
    private(set) var output = 0
    /// How much of what has been read is content.
    var data = 0

    init(_ bytes: MutableByteView) { self.bytes = bytes }

    /// Reads `length` bytes; nothing moves as long as all before were kept.
    mutating func pass(_ length: Int, keeping: Bool) {
        if keeping {
            if output != input { bytes.write(bytes.view.slice(input, length), at: output) }
            output &+= length
        }
        input &+= length
    }

    func progress(_ error: ProtocolError?) -> BodyReader.Progress {
        BodyReader.Progress(consumed: input, kept: output, data: data, error: error)
    }
}
