// The request line on its way upstream.

import HTTPSyntax

enum RequestLineWriter {
    /// Returns where the copy of the rest begins: 0 where the line is copied with the fields,
    /// else the first field line, and then the line, and a `Host` with the target's authority,
    /// have been written.
    static func write(
        _ head: borrowing RequestHead, _ bytes: ByteView, into buffer: inout ByteBuffer
    ) -> Int {
        guard case .absolute = head.target.form else { return 0 }
        writeRewritten(head, bytes, into: &buffer)
        return lineEnd(head)
    }

    /// Where the request line, its CRLF included, ends.
    private static func lineEnd(_ head: borrowing RequestHead) -> Int {
        head.target.offset &+ head.target.length &+ 11
    }

    @inline(never) private static func writeRewritten(
        _ head: borrowing RequestHead, _ bytes: ByteView, into buffer: inout ByteBuffer
    ) {
        let target = head.target
        buffer.append(bytes.slice(0, head.methodLength))
        buffer.append(byte: 0x20)
        if target.pathLength == 0 {
            // RFC 9112 §3.2.4: OPTIONS on the server as a whole.
            let isAsterisk = head.method == .options && target.queryLength == 0
            buffer.append(byte: isAsterisk ? 0x2a : 0x2f)
        }
        buffer.append(bytes.slice(target.pathOffset, target.pathLength &+ target.queryLength))
        buffer.append(" HTTP/1.1\r\nHost: ")
        buffer.append(bytes.slice(target.authorityOffset, target.authorityLength))
        buffer.append("\r\n")
    }

    /// Makes the copied line one of HTTP/1.1, whatever the minor version was that came.
    static func raiseVersion(
        _ head: borrowing RequestHead, written start: Int, into buffer: inout ByteBuffer
    ) {
        buffer.overwrite(at: start &+ lineEnd(head) &- 3, with: ByteView("1"))
    }
}
