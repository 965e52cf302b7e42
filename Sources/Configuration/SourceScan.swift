// The bytes of a file before YAML sees them: UTF-8 without what an editor and a parser could see
// differently. libyaml would take tabs in many places, UTF-16, and four more kinds of line end.

import HTTPSyntax

/// A byte sequence that a configuration must not hold.
struct SourceFault: Equatable {
    var line: Int
    /// In characters, from 1.
    var column: Int
    var message: String
    var accepted: String?
    /// Reading on would only find what follows from this one.
    var isFatal = false
}

enum SourceScan {
    /// All faults in order, at most one a line; stops after the first that is fatal.
    static func faults(
        in bytes: [UInt8], from start: Int, allowingTabs: Bool = false
    ) -> [SourceFault] {
        bytes.withView { view in
            if isUTF16(view) { return [notUTF8(line: 1, column: 1)] }
            var scanner = Scanner(view: view, allowsTabs: allowingTabs, position: start)
            scanner.run()
            return scanner.faults
        }
    }

    private static func isUTF16(_ view: ByteView) -> Bool {
        view.count >= 2
            && (view[0] == 0xFF && view[1] == 0xFE || view[0] == 0xFE && view[1] == 0xFF)
    }

    fileprivate static func notUTF8(line: Int, column: Int) -> SourceFault {
        SourceFault(
            line: line, column: column, message: "is not UTF-8", accepted: "UTF-8", isFatal: true)
    }
}

private struct Scanner {
    let view: ByteView
    let allowsTabs: Bool
    var position: Int
    var line = 1
    var column = 1
    var faults: [SourceFault] = []

    mutating func run() {
        while position < view.count {
            let byte = view[position]
            if byte >= 0x20 && byte < 0x7F || byte == 0x09 && allowsTabs {
                position += 1
                column += 1
            } else if byte == 0x0A {
                endLine(1)
            } else if byte == 0x0D, position + 1 < view.count, view[position + 1] == 0x0A {
                endLine(2)
            } else if byte < 0x80 {
                report(control(byte))
                advance(1)
            } else if !takeMultibyte() {
                return
            }
        }
    }

    private mutating func endLine(_ length: Int) {
        position += length
        line += 1
        column = 1
    }

    private mutating func advance(_ length: Int) {
        position += length
        column += 1
    }

    private mutating func report(_ text: (message: String, accepted: String?)) {
        guard faults.last?.line != line else { return }
        faults.append(
            SourceFault(line: line, column: column, message: text.message, accepted: text.accepted))
    }

    private func control(_ byte: UInt8) -> (message: String, accepted: String?) {
        switch byte {
        case 0x09: ("a tab", "blanks")
        case 0x0D: ("a carriage return alone", "LF or CRLF as the end of a line")
        default: ("the control character \(Self.codePoint(UInt32(byte)))", nil)
        }
    }

    /// False where the bytes are no UTF-8.
    private mutating func takeMultibyte() -> Bool {
        guard let (scalar, length) = decode() else {
            faults.append(SourceScan.notUTF8(line: line, column: column))
            return false
        }
        switch scalar {
        case 0x80...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
            report(("the control character \(Self.codePoint(scalar))", nil))
        case 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069:
            // What a reviewer sees would not be what is loaded.
            report(("the invisible character \(Self.codePoint(scalar))", nil))
        default: break
        }
        advance(length)
        return true
    }

    private static func codePoint(_ scalar: UInt32) -> String {
        let digits = String(scalar, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The scalar at `position` and its length in bytes (RFC 3629 §4); nil where ill-formed.
    private func decode() -> (UInt32, Int)? {
        let lead = view[position]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard lead >= 0xC2, lead <= 0xF4, position + length <= view.count else { return nil }
        var scalar = UInt32(lead) & (0x7F >> UInt32(length))
        for offset in 1..<length {
            let byte = view[position + offset]
            guard byte & 0xC0 == 0x80 else { return nil }
            scalar = scalar << 6 | UInt32(byte & 0x3F)
        }
        let least: UInt32 = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000
        guard scalar >= least, Unicode.Scalar(scalar) != nil else { return nil }
        return (scalar, length)
    }
}
