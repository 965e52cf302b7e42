// What single fields and the target of a request come to, for whoever judges or answers it. What
// most requests are asked is inlined: a call of another module's would copy the head for it.

extension RequestHead {
    /// Host as it was sent, or the authority of an absolute form; empty for HTTP/1.0 without.
    @inlinable package func host(in head: ByteView) -> ByteView {
        if hostLength > 0 { return head.slice(hostOffset, hostLength) }
        return head.slice(target.authorityOffset, target.authorityLength)
    }

    /// `OPTIONS *`, or the same in absolute form (RFC 9112 §3.2.4): about the gate as a whole.
    @inlinable package var asksAboutGate: Bool {
        if target.form == .asterisk { return true }
        guard target.form == .absolute, method == .options else { return false }
        return target.pathLength == 0 && target.queryLength == 0
    }

    /// Whether the content is announced to be longer than so many bytes.
    @inlinable package func isLonger(than limit: UInt64?) -> Bool {
        guard let limit, case .length(let length) = framing else { return false }
        return length > limit
    }

    /// The hops that are left (RFC 9110 §7.6.2): of several lines the fewest. Nil where the method
    /// has no such limit or no line is a number.
    @inlinable package func maxForwards(in head: ByteView) -> Int? {
        guard fields.has(.maxForwards), method == .options || method == .trace else { return nil }
        return fewestHops(in: head)
    }

    @usableFromInline func fewestHops(in head: ByteView) -> Int? {
        var fewest: Int?
        for index in 0..<fields.count {
            let line = fields[index]
            guard line.name == .maxForwards, !line.isVariant,
                let hops = Self.hops(head.slice(Int(line.valueOffset), Int(line.valueLength)))
            else { continue }
            fewest = min(fewest ?? hops, hops)
        }
        return fewest
    }

    /// The most that is passed on (RFC 9110 §7.6.2).
    private static var mostHops: Int { 1_000_000_000 }

    private static func hops(_ text: ByteView) -> Int? {
        guard !text.isEmpty else { return nil }
        var hops = 0
        for index in 0..<text.count {
            guard ASCII.isDigit(text[index]) else { return nil }
            hops = min(hops * 10 + Int(text[index] - 0x30), mostHops)
        }
        return hops
    }
}
