// TE, as far as anybody asks: it is about one connection, so that it never passes as it came.

package import HTTPSyntax

extension RequestHead {
    /// Whether the client says that it reads trailers (RFC 9110 §10.1.4), as servers of gRPC demand.
    package func takesTrailers(in head: ByteView) -> Bool {
        for index in 0..<fields.count {
            let line = fields[index]
            guard line.name == .te else { continue }
            var members = ListMembers(head.slice(Int(line.valueOffset), Int(line.valueLength)))
            while let member = members.next() {
                if member.equalsIgnoringCase(ByteView("trailers")) { return true }
            }
        }
        return false
    }
}
