// What `Connection` names is removed (RFC 9110 §7.6.1). Taken literally that lets a client take
// away what the gate or a proxy before it has judged by or written ("hop-by-hop abuse"), so
// fields that are end to end beyond doubt cannot be named.

package import HTTPSyntax

/// The fields that `Connection` may remove.
package enum ConnectionOption {
    /// Whether `Connection` names this field and may remove it. Field names that the gate knows
    /// are never removed this way, but for `names`: it removes them always or never.
    package static func contains(
        name: ByteView, in head: ByteView, fields: borrowing FieldSection
    ) -> Bool {
        var index = 0
        while index < fields.count {
            let line = fields[index]
            index &+= 1
            guard case .connection = line.name, !line.isVariant else { continue }
            let value = head.slice(Int(line.valueOffset), Int(line.valueLength))
            if lists(name, in: value) { return !isProtected(name) }
        }
        return false
    }

    /// Whether `Connection` names this line, one that overrides the method and would pass. The
    /// sender says so itself: it goes before anything is judged.
    package static func names(
        _ line: FieldLine, in head: ByteView, fields: borrowing FieldSection
    ) -> Bool {
        let name = head.slice(Int(line.nameOffset), Int(line.nameLength))
        var index = 0
        while index < fields.count {
            let other = fields[index]
            index &+= 1
            guard case .connection = other.name, !other.isVariant else { continue }
            let value = head.slice(Int(other.valueOffset), Int(other.valueLength))
            if lists(name, in: value) { return true }
        }
        return false
    }

    /// The fields that the gate does not know and `Connection` names, as `bit` has them: such a one
    /// may stand behind the content, too (RFC 9110 §7.6.1), when the head is gone.
    package static func others(in head: ByteView, fields: borrowing FieldSection) -> UInt64 {
        guard fields.has(.connection) else { return 0 }
        var bits: UInt64 = 0
        var index = 0
        while index < fields.count {
            let line = fields[index]
            index &+= 1
            guard case .connection = line.name, !line.isVariant else { continue }
            var members = ListMembers(
                head.slice(Int(line.valueOffset), Int(line.valueLength)))
            while let member = members.next() {
                guard case .other = FieldName.lookup(member).name,
                    !member.equalsIgnoringCase(ByteView("close"))
                else { continue }
                bits |= bit(of: member)
            }
        }
        return bits
    }

    /// One of 64 for each name, letter case aside: two names seldom share theirs (FNV-1a).
    static func bit(of name: ByteView) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for index in 0..<name.count {
            hash = (hash ^ UInt64(ASCII.lowercased(name[index]))) &* 0x0000_0100_0000_01b3
        }
        return 1 &<< (hash &>> 58)
    }

    private static func lists(_ name: ByteView, in value: ByteView) -> Bool {
        var members = ListMembers(value)
        while let member = members.next() {
            if member.equalsIgnoringCase(name) { return true }
        }
        return false
    }

    /// Fields that no hop can own.
    static func isProtected(_ name: ByteView) -> Bool {
        FieldName.lookup(name).name != .other || protected.contains(name)
    }

    /// Routing and forwarding; identity; conditions, ranges and caching; description of content;
    /// browsers' security; tracing.
    private static var protected: NameList {
        NameList(
            """
            x-forwarded* x-original* x-rewrite* x-real* x-client* x-cluster-client-ip \
            true-client-ip client-ip cf-* fastly-* cdn-loop early-data priority \
            x-auth* x-user* x-remote* x-ssl* x-tls* x-api-key x-access* x-amzn* x-goog* x-ms-* \
            x-envoy* remote-user ssl-* client-cert* www-authenticate authentication-info \
            dpop signature signature-input x-csrf* x-xsrf* x-http* x-method* \
            if if-* range cache-control pragma age etag expires last-modified vary warning \
            content-* accept* digest repr-digest want-* mime-version prefer idempotency-key \
            sec-* access-control-* cross-origin-* referer referrer-policy dnt \
            strict-transport-security permissions-policy x-frame-options x-xss-protection \
            clear-site-data x-permitted-cross-domain-policies retry-after server refresh link \
            tracestate baggage b3 x-b3-* uber-trace-id x-trace* x-correlation-id \
            x-requested-with from depth destination overwrite timeout lock-token
            """)
    }
}
