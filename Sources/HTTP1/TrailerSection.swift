// Field lines behind the last chunk (RFC 9112 §7.1.2). They arrive when everything has been
// judged, so that only those pass that say nothing about what to do with the message.

package import HTTPSyntax

/// Parses trailer sections.
package enum TrailerSection {
    /// Reads field lines up to and with the empty line; `length` is theirs when complete, and
    /// offsets count from the first byte. `limits.head` bounds the section.
    package static func parse(
        _ bytes: ByteView, into fields: inout FieldSection, limits: HeadLimits
    ) -> (result: ParseResult, length: Int) {
        fields.removeAll()
        var cursor = HeadCursor(bytes, limit: limits.head)
        do throws(Halt) {
            while try cursor.fieldLine(into: &fields, limit: limits.fields) != nil {}
            return (.complete, cursor.offset)
        } catch {
            guard case .refused(let reason) = error else {
                let isTooLong = bytes.count >= limits.head
                return (isTooLong ? .failed(ProtocolError(.headTooLarge)) : .incomplete, 0)
            }
            return (.failed(ProtocolError(reason)), 0)
        }
    }

    /// Appends the section to forward: the lines that may pass, their values trimmed, and the
    /// empty line. `bytes` is what was parsed into `fields`; `hops` are the fields that
    /// `Connection` named (`ConnectionOption.others`).
    package static func write(
        _ fields: borrowing FieldSection, in bytes: ByteView, ofRequest: Bool = true,
        except hops: UInt64 = 0, into buffer: inout ByteBuffer
    ) {
        for index in 0..<fields.count {
            let line = fields[index]
            let name = bytes.slice(Int(line.nameOffset), Int(line.nameLength))
            guard mayPass(line, name: name, inRequest: ofRequest) else { continue }
            guard hops == 0 || hops & ConnectionOption.bit(of: name) == 0 else { continue }
            buffer.append(name)
            buffer.append(": ")
            buffer.append(bytes.slice(Int(line.valueOffset), Int(line.valueLength)))
            buffer.append("\r\n")
        }
        buffer.append("\r\n")
    }

    /// Whether a field may be forwarded as a trailer (RFC 9110 §6.5.1): nothing of framing,
    /// routing, authentication, conditions, caching, description of content, override or
    /// forwarding, and nothing that the gate judges, writes or removes. Behind an answer there is
    /// nobody to be deceived about who asks for what: those of gRPC carry whatever a service says.
    package static func mayPass(
        _ line: FieldLine, name: ByteView, inRequest: Bool = true
    ) -> Bool {
        if inRequest { return line.name == .other && !refused.contains(name) }
        switch line.name {
        case .other: return !refusedInAnswer.contains(name)
        case .xRequestID, .traceparent: return !line.isVariant
        default: return false
        }
    }

    private static var refusedInAnswer: NameList {
        NameList(
            """
            proxy-* www-authenticate authentication-info x-csrf* x-xsrf* close priority accept* \
            cache-control pragma age expires last-modified etag vary warning content-encoding \
            content-range content-language content-location content-disposition \
            content-security-policy* content-transfer-encoding mime-version sec-* \
            access-control-* cross-origin-* referrer-policy strict-transport-security \
            permissions-policy x-frame-options refresh clear-site-data allow-* alt-svc x-accel-* \
            x-sendfile*
            """)
    }

    private static var refused: NameList {
        NameList(
            """
            x-forwarded* x-original* x-rewrite* x-real* x-client* x-cluster-client-ip \
            true-client-ip client-ip cf-* x-auth* x-user* x-remote* x-ssl* x-api-key \
            x-http* x-method* x-envoy* x-amzn* x-goog* remote-user ssl-* client-cert* dpop \
            proxy-* www-authenticate authentication-info signature signature-input cookie2 \
            x-csrf* x-xsrf* close early-data priority prefer \
            if-* range accept* cache-control pragma age expires last-modified etag vary warning \
            retry-after content-encoding content-range content-language content-location \
            content-disposition content-security-policy* content-transfer-encoding mime-version \
            sec-* access-control-* cross-origin-* referer referrer-policy \
            strict-transport-security permissions-policy x-frame-options refresh \
            clear-site-data allow-* depth destination overwrite if lock-token timeout
            """)
    }
}
