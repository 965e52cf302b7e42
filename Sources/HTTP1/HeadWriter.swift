// Heads on their way out. What is kept is copied as it came, adjacent lines in one copy; what is
// removed is decided by the field's number, and by name only where `Connection` names fields.

package import HTTPSyntax

/// Writes heads: to upstreams, and back to clients.
package enum HeadWriter {
    /// What a request head keeps or loses besides what it always loses.
    package struct RequestOptions: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `extra` holds a decremented `Max-Forwards`.
        package static let dropsMaxForwards = RequestOptions(rawValue: 1)
        /// What overrides the method has been judged, or is to be looked away from.
        package static let keepsMethodOverrides = RequestOptions(rawValue: 2)
        /// The rule lets these fields pass.
        package static let keepsOriginalURL = RequestOptions(rawValue: 4)
        package static let keepsRewriteURL = RequestOptions(rawValue: 8)
        package static let keepsProxy = RequestOptions(rawValue: 16)

        fileprivate var spared: FieldNameSet {
            var names: FieldNameSet = []
            guard rawValue > 1 else { return names }
            if contains(.keepsMethodOverrides) {
                names = FieldNameSet(rawValue: FieldName.methodOverrides)
            }
            if contains(.keepsOriginalURL) { names.add(.xOriginalURL) }
            if contains(.keepsRewriteURL) { names.add(.xRewriteURL) }
            if contains(.keepsProxy) { names.add(.proxy) }
            return names
        }
    }

    /// What a response head keeps or loses besides what it always loses.
    package struct ResponseOptions: OptionSet, Sendable, BitwiseCopyable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The client speaks HTTP/1.0 and gets the content decoded.
        package static let dropsTransferEncoding = ResponseOptions(rawValue: 1)
        /// `extra` holds a narrowed `Allow`.
        package static let dropsAllow = ResponseOptions(rawValue: 2)
        /// `extra` holds a narrowed `Access-Control-Allow-Methods`.
        package static let dropsAllowMethods = ResponseOptions(rawValue: 4)
        /// `extra` holds what may pass of `Proxy-Status`.
        package static let dropsProxyStatus = ResponseOptions(rawValue: 8)
    }

    /// Appends the head to send upstream, always of HTTP/1.1 and with an origin-form target (or
    /// `*`); the authority of an absolute-form becomes its `Host`.
    ///
    /// Removed are: hop-by-hop fields and what `Connection` names; what only the gate may write
    /// (`Via`, `Forwarded`, `X-Forwarded-*`, `X-Real-IP`, `X-Client-Subject`); what servers take for
    /// the place of the application (`Script-Name`, `Path-Info`); overrides of method and path, and
    /// `Proxy`, unless `options` keep them; `Expect` without content or from HTTP/1.0; every other
    /// line spelled with `_` where a known name has `-`.
    /// - Parameters:
    ///   - bytes: what was parsed into `head`, from its first byte on.
    ///   - extra: field lines to add, each ended by CRLF.
    package static func request(
        _ head: borrowing RequestHead, in bytes: ByteView, extra: ByteView,
        options: RequestOptions = [], into buffer: inout ByteBuffer
    ) {
        var removed = requestRemovals
        if case .absolute = head.target.form { removed.add(.host) }
        if !mayExpect(head) { removed.add(.expect) }
        if options.contains(.dropsMaxForwards) { removed.add(.maxForwards) }
        buffer.reserve(head.length &+ extra.count &+ 16)
        let written = buffer.count
        let start = RequestLineWriter.write(head, bytes, into: &buffer)
        let writer = FieldWriter(
            bytes: bytes, end: head.length, flags: head.flags, removed: removed,
            spared: options.spared)
        writer.write(head.fields, from: start, into: &buffer)
        if start == 0 { RequestLineWriter.raiseVersion(head, written: written, into: &buffer) }
        buffer.append(extra)
        buffer.append("\r\n")
    }

    /// Appends the head to send to the client, always of HTTP/1.1.
    ///
    /// Removed are: hop-by-hop fields and what `Connection` names; `Content-Length` and
    /// `Transfer-Encoding` of 1xx and 204; lines spelled with `_` as above.
    /// - Parameters:
    ///   - bytes: what was parsed into `head`, from its first byte on.
    ///   - extra: field lines to add, each ended by CRLF.
    ///   - date: the value of the `Date` to add where the backend sent none; not to a 1xx.
    package static func response(
        _ head: borrowing ResponseHead, in bytes: ByteView, extra: ByteView, date: ByteView,
        options: ResponseOptions = [], into buffer: inout ByteBuffer
    ) {
        let removed = removed(head, options)
        buffer.reserve(head.length &+ extra.count &+ date.count &+ 16)
        let start = writeStatusLine(head, bytes, into: &buffer)
        let writer = FieldWriter(
            bytes: bytes, end: head.length, flags: head.flags, removed: removed)
        writer.write(head.fields, from: start, into: &buffer)
        if head.status >= 200 && !head.fields.has(.date) {
            buffer.append("Date: ")
            buffer.append(date)
            buffer.append("\r\n")
        }
        if !extra.isEmpty { buffer.append(extra) }
        buffer.append("\r\n")
    }

    /// What a client does not get of an answer.
    @inline(__always) static func removed(
        _ head: borrowing ResponseHead, _ options: ResponseOptions
    ) -> FieldNameSet {
        var removed = responseRemovals
        if head.status < 200 || head.status == 204 {
            removed.add(.contentLength)
            removed.add(.transferEncoding)
        }
        if options.contains(.dropsTransferEncoding) { removed.add(.transferEncoding) }
        if options.contains(.dropsAllow) { removed.add(.allow) }
        if options.contains(.dropsAllowMethods) { removed.add(.accessControlAllowMethods) }
        if options.contains(.dropsProxyStatus) { removed.add(.proxyStatus) }
        return removed
    }

    /// An HTTP/1.0 client cannot expect anything, nor one that sends nothing (RFC 9110 §10.1.1).
    @inline(__always) private static func mayExpect(_ head: borrowing RequestHead) -> Bool {
        if case .http10 = head.version { return false }
        if case .none = head.framing { return false }
        return true
    }

    /// Returns where the copy of the rest begins: a line that is already as it should be is
    /// copied with the fields.
    private static func writeStatusLine(
        _ head: borrowing ResponseHead, _ bytes: ByteView, into buffer: inout ByteBuffer
    ) -> Int {
        // `HTTP/1.1 200 ` is 13 bytes; a line without the last space has its reason at 12. The
        // last digit of the version is looked at, since later ones are read as 1.1.
        if bytes[7] == 0x31, head.reasonOffset == 13 { return 0 }
        buffer.append("HTTP/1.1 ")
        buffer.append(decimal: UInt64(head.status))
        buffer.append(byte: 0x20)
        buffer.append(bytes.slice(head.reasonOffset, head.reasonLength))
        buffer.append("\r\n")
        return head.reasonOffset &+ head.reasonLength &+ 2
    }

    private static var requestRemovals: FieldNameSet {
        hopByHop.union(forwarding).union(overrides)
    }

    private static var responseRemovals: FieldNameSet {
        hopByHop.union(FieldNameSet(.methodgateEvent))
    }

    private static var hopByHop: FieldNameSet {
        [
            .init(.connection), .init(.keepAlive), .init(.proxyConnection), .init(.te),
            .init(.trailer), .init(.upgrade), .init(.proxyAuthenticate),
            .init(.proxyAuthorization), .init(.http2Settings),
        ]
    }

    /// What only the gate may write.
    private static var forwarding: FieldNameSet {
        [
            .init(.via), .init(.forwarded), .init(.xForwardedFor), .init(.xForwardedProto),
            .init(.xForwardedHost), .init(.xForwardedPort), .init(.xForwardedServer),
            .init(.xForwardedOther), .init(.xRealIP), .init(.xClientSubject),
        ]
    }

    private static var overrides: FieldNameSet {
        [
            .init(.xHTTPMethodOverride), .init(.xHTTPMethod), .init(.xMethodOverride),
            .init(.xOriginalURL), .init(.xRewriteURL), .init(.proxy), .init(.scriptName),
            .init(.pathInfo),
        ]
    }
}
