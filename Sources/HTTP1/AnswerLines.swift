// The lines of a backend's answer that its client gets, for a protocol that has fields and no text:
// those that `HeadWriter.response` writes, by the same decision.

package import HTTPSyntax

/// Which field lines of one answer pass; in the order they came.
package struct AnswerLines {
    private let writer: FieldWriter
    private let looked: FieldNameSet

    /// - Parameter bytes: what was parsed into `head`, from its first byte on.
    package init(
        _ head: borrowing ResponseHead, in bytes: ByteView, options: HeadWriter.ResponseOptions
    ) {
        // What frames content is said in another way there.
        let removed = HeadWriter.removed(head, options.union(.dropsTransferEncoding))
        writer = FieldWriter(bytes: bytes, end: head.length, flags: head.flags, removed: removed)
        looked = writer.looked
    }

    /// The first line from `index` on that passes; the number of lines behind the last one.
    package func next(from index: Int, _ fields: borrowing FieldSection) -> Int {
        var index = index
        while index < fields.count {
            let line = fields[index]
            guard looked.contains(line.name) || line.isVariant, writer.removes(line, fields) else {
                break
            }
            index &+= 1
        }
        return index
    }
}
