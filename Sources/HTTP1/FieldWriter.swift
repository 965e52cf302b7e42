// Copies the field lines of a head, less some of them.

import HTTPSyntax

/// Known field names as bits.
struct FieldNameSet: OptionSet, BitwiseCopyable {
    var rawValue: UInt64

    @inline(__always) init(rawValue: UInt64) { self.rawValue = rawValue }

    @inline(__always) init(_ name: FieldName) { rawValue = 1 &<< UInt64(name.rawValue) }

    @inline(__always) mutating func add(_ name: FieldName) {
        rawValue |= 1 &<< UInt64(name.rawValue)
    }

    @inline(__always) func contains(_ name: FieldName) -> Bool {
        (rawValue &>> UInt64(name.rawValue)) & 1 != 0
    }
}

struct FieldWriter {
    /// The head, from its first byte on.
    let bytes: ByteView
    /// Where the head ends, behind the empty line.
    let end: Int
    let flags: HeadFlags
    let removed: FieldNameSet
    /// Of `removed` what passes this time, unless `Connection` names it.
    var spared: FieldNameSet = []

    /// The names of lines that may have to go.
    @inline(__always) var looked: FieldNameSet {
        var names = removed
        if flags.contains(.namesFields) { names.add(.other) }
        return names
    }

    /// Appends what stands between `start` and the empty line, less the lines to remove. Lines
    /// the gate itself goes by are written in their plain form, since others may trim their
    /// values in another way; all others as they came.
    func write(
        _ fields: borrowing FieldSection, from start: Int, into buffer: inout ByteBuffer
    ) {
        var looked = looked
        if flags.contains(.hasLoose) { looked.formUnion(Self.plain) }
        let isWhole =
            fields.present & looked.rawValue == 0 && !flags.contains(.hasVariants)
        if isWhole {
            buffer.append(bytes.slice(start, end &- 2 &- start))
        } else {
            writeLines(fields, looked, from: start, into: &buffer)
        }
    }

    /// Looks at the lines with a name in `looked`, and at those spelled with `_`.
    private func writeLines(
        _ fields: borrowing FieldSection, _ looked: FieldNameSet, from start: Int,
        into buffer: inout ByteBuffer
    ) {
        var kept = start
        var index = 0
        while index < fields.count {
            let line = fields[index]
            index &+= 1
            guard looked.contains(line.name) || line.isVariant else { continue }
            let lineEnd = index < fields.count ? Int(fields[index].nameOffset) : end &- 2
            let isRemoved = removes(line, fields)
            if !isRemoved && (!Self.plain.contains(line.name) || isPlain(line, lineEnd)) {
                continue
            }
            let lineStart = Int(line.nameOffset)
            buffer.append(bytes.slice(kept, lineStart &- kept))
            if !isRemoved { writePlain(line, into: &buffer) }
            kept = lineEnd
        }
        buffer.append(bytes.slice(kept, end &- 2 &- kept))
    }

    /// Whether a line of one of those names, or one spelled with `_`, has to go.
    @inline(__always) func removes(
        _ line: FieldLine, _ fields: borrowing FieldSection
    ) -> Bool {
        guard case .other = line.name else {
            guard line.isVariant || removed.contains(line.name) else { return false }
            return !spared.contains(line.name)
                || ConnectionOption.names(line, in: bytes, fields: fields)
        }
        guard flags.contains(.namesFields) else { return false }
        let name = bytes.slice(Int(line.nameOffset), Int(line.nameLength))
        return ConnectionOption.contains(name: name, in: bytes, fields: fields)
    }

    private static var plain: FieldNameSet {
        [.init(.host), .init(.contentLength), .init(.transferEncoding), .init(.expect)]
    }

    /// Whether the line is `name: value` with one space and nothing else around the value.
    private func isPlain(_ line: FieldLine, _ lineEnd: Int) -> Bool {
        let nameEnd = Int(line.nameOffset) &+ Int(line.nameLength)
        let valueEnd = Int(line.valueOffset) &+ Int(line.valueLength)
        return Int(line.valueOffset) == nameEnd &+ 2 && bytes[nameEnd &+ 1] == 0x20
            && valueEnd &+ 2 == lineEnd
    }

    private func writePlain(_ line: FieldLine, into buffer: inout ByteBuffer) {
        buffer.append(bytes.slice(Int(line.nameOffset), Int(line.nameLength)))
        buffer.append(": ")
        buffer.append(bytes.slice(Int(line.valueOffset), Int(line.valueLength)))
        buffer.append("\r\n")
    }
}
