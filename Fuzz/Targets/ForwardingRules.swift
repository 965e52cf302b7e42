// What docs/supported-http.md promises of field names, written down a second time: nothing here
// asks the gate.

import StrictHTTP

enum ForwardingRules {
    /// In lower case, `_` read as `-`, as a backend that follows CGI has it.
    static func plain(_ name: String) -> String {
        String(name.lowercased().map { $0 == "_" ? "-" : $0 })
    }

    /// Never sent to a backend as the client wrote them.
    static let removedFromRequests: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
        "http2-settings", "proxy-authenticate", "proxy-authorization", "via", "forwarded",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
        "x-forwarded-server", "x-real-ip", "x-http-method-override", "x-http-method",
        "x-method-override", "x-original-url", "x-rewrite-url", "proxy", "script-name", "path-info",
    ]

    /// Never sent to a client as the backend wrote them.
    static let removedFromResponses: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "upgrade",
        "http2-settings", "proxy-authenticate", "proxy-authorization", "methodgate-event",
    ]

    /// What routes or frames a message: a line that spells it with `_` never passes.
    static let judged: Set<String> = [
        "host", "content-length", "transfer-encoding", "expect", "max-forwards", "content-type",
        "authorization", "cookie", "origin", "access-control-request-method", "x-request-id",
        "user-agent", "set-cookie",
    ]

    /// A name that means nothing to anybody, so that it always passes unless `Connection` names it.
    static func isInnocent(_ name: String) -> Bool { plain(name).hasPrefix("x-custom") }

    /// Whether a line of that name may not stand in a request to a backend.
    static func isRemovedFromRequest(_ name: String) -> Bool {
        let plain = plain(name)
        if plain.hasPrefix("x-forwarded") || removedFromRequests.contains(plain) { return true }
        return name.contains("_") && judged.contains(plain)
    }

    /// Whether a line of that name may not stand in a response to a client.
    static func isRemovedFromResponse(_ name: String) -> Bool {
        let plain = plain(name)
        if removedFromResponses.contains(plain) { return true }
        return name.contains("_") && judged.contains(plain)
    }

    /// The names, in lower case, that all `Connection` lines of a message list.
    static func named(by message: WireMessage) -> Set<String> {
        var names: Set<String> = []
        for value in message.values("Connection") {
            for member in value.split(separator: ",") {
                let trimmed = member.drop { $0 == " " || $0 == "\t" }
                    .reversed().drop { $0 == " " || $0 == "\t" }.reversed()
                names.insert(String(trimmed).lowercased())
            }
        }
        return names
    }

    /// What RFC 9110 §6.5.1 forbids in trailers, and what a gate that judges methods must not let
    /// through behind its back.
    static func isNeverATrailer(_ name: String) -> Bool {
        let plain = plain(name)
        let prefixes = [
            "if-", "x-forwarded", "x-http-method", "proxy-", "access-control-", "accept",
            "sec-", "x-original-", "x-rewrite-", "x-real-",
        ]
        if prefixes.contains(where: plain.hasPrefix) { return true }
        let others: Set<String> = [
            "transfer-encoding", "content-length", "content-type", "content-encoding",
            "content-range", "content-language", "content-location", "content-disposition", "host",
            "authorization", "cookie", "set-cookie", "cache-control",
            "max-forwards", "te", "trailer", "connection", "upgrade", "expect", "range", "via",
            "forwarded", "allow", "date", "location", "age", "expires", "vary", "retry-after",
            "www-authenticate", "pragma", "etag", "last-modified", "x-method-override",
        ]
        return others.contains(plain)
    }
}
