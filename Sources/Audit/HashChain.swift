// What makes a stream's lines one chain: a number each, and the digest of the line before. One
// value, so that sealing a line asks once for the right to change it and not for each part.

import Digest
import HTTPSyntax

/// The numbers and the digests of one stream.
struct HashChain: ~Copyable {
    /// The number of the last record, dropped ones included.
    var sequence: UInt64 = 0
    /// Records that have a number and are in no log.
    var droppedTotal: UInt64 = 0
    /// Of the line that was sealed last, or that a drop went back to.
    var previousHash = Digest256.zero
    private let hash = SHA256()

    init() {}

    /// Draws the next number and writes it.
    mutating func appendNumber(to lines: inout ByteBuffer) {
        sequence += 1
        lines.append(",\"event.sequence\":")
        lines.append(number: sequence)
    }

    /// Ends the line that begins at `start` with who writes and with its link.
    mutating func seal(from start: Int, observer: ByteView, in lines: inout ByteBuffer) {
        lines.append(observer)
        lines.append(",\"methodgate.dropped_total\":")
        lines.append(number: droppedTotal)
        lines.append(",\"methodgate.prev_hash\":\"")
        previousHash.append(hexTo: &lines)
        lines.append("\"}")
        previousHash = digest(of: lines.view.dropFirst(start))
        lines.append(byte: 0x0a)
    }

    func digest(of line: ByteView) -> Digest256 {
        hash.update(line)
        return hash.finish()
    }
}
