// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ) (RFC 9112 §7.1.1).
// Nobody uses them but attackers: they are read strictly and never forwarded.

import HTTPSyntax

/// Reads the extensions of one chunk, byte by byte, behind the first `;`.
struct ChunkExtension: Sendable, BitwiseCopyable {
    enum Outcome {
        case more
        /// The byte was the CR behind a well-formed extension.
        case ended
        case refused(Reason)
    }

    private enum Place: UInt8, BitwiseCopyable {
        case beforeName, name, afterName, beforeValue, token, quoted, escaped, afterValue
    }

    private var place = Place.beforeName
    private var length: UInt16 = 0

    /// Bytes behind the size, of all extensions of one chunk.
    private static var limit: UInt16 { 256 }

    mutating func take(_ byte: UInt8) -> Outcome {
        if byte == 0x0d { return isWhole ? .ended : .refused(.chunkExtensionInvalid) }
        guard byte != 0x0a else { return .refused(.bareLF) }
        length &+= 1
        guard length < Self.limit else { return .refused(.chunkExtensionTooLong) }
        guard let next = next(byte) else { return .refused(.chunkExtensionInvalid) }
        place = next
        return .more
    }

    private var isWhole: Bool {
        switch place {
        case .name, .token: true
        // White space is only allowed before another part, which quotes do not need.
        case .afterValue: !endsInBlank
        default: false
        }
    }

    private var endsInBlank = false

    private mutating func next(_ byte: UInt8) -> Place? {
        let isBlank = ASCII.isBlank(byte)
        defer { endsInBlank = isBlank }
        switch place {
        case .quoted: return quoted(byte)
        case .escaped: return isText(byte) ? .quoted : nil
        case .beforeName: return isBlank ? .beforeName : Token.contains(byte) ? .name : nil
        case .name where Token.contains(byte): return .name
        case .name, .afterName:
            if byte == 0x3d { return .beforeValue }
            return between(byte, .afterName)
        case .beforeValue:
            if byte == 0x22 { return .quoted }
            return isBlank ? .beforeValue : Token.contains(byte) ? .token : nil
        case .token where Token.contains(byte): return .token
        case .token, .afterValue: return between(byte, .afterValue)
        }
    }

    private func quoted(_ byte: UInt8) -> Place? {
        if byte == 0x22 { return .afterValue }
        if byte == 0x5c { return .escaped }
        return isText(byte) ? .quoted : nil
    }

    private func between(_ byte: UInt8, _ blank: Place) -> Place? {
        if byte == 0x3b { return .beforeName }
        return ASCII.isBlank(byte) ? blank : nil
    }

    /// HTAB, SP, visible and obs-text.
    private func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 ? byte != 0x7f : byte == 0x09
    }
}
