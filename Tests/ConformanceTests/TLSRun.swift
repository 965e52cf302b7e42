// What must differ over TLS, and nothing else may: backends are told https, records how it was
// encrypted. It is checked here and taken back, so that the case's own demands hold for the rest.

import TestSupport

extension Judge {
    /// Makes a run over TLS look like one without; what was wrong about the difference.
    ///
    /// - Parameter authorities: the backend's of this run, and that of the one without.
    static func undoTLS(
        in seen: inout Observation, like plain: Observation, authorities: (Address, Address)
    ) -> [String] {
        var found: [String] = []
        for (number, request) in seen.requests.enumerated()
        where plain.requests.indices.contains(number) {
            let other = plain.requests[number]
            seen.requests[number].fields = request.fields.map { field in
                WireField(
                    name: field.name, value: undoTLS(field, like: other, authorities: authorities))
            }
            let isClaimed = other.value("Forwarded")?.contains(", ") == true
            if request.value("X-Forwarded-Proto") != "https", !isClaimed {
                found.append("request \(number + 1) upstream: not told of https")
            }
        }
        for record in seen.records where !isAboutTLS(record) {
            found.append("a record does not tell of TLS: \(Escapes.escape(record.line))")
        }
        return found
    }

    private static func undoTLS(
        _ field: WireField, like other: WireMessage, authorities: (Address, Address)
    ) -> String {
        let before = other.values(field.name)
        switch field.name.lowercased() {
        case "x-forwarded-proto" where before == ["http"] && field.value == "https": return "http"
        case "forwarded":
            let told = before.first {
                $0.replacing("proto=http", with: "proto=https") == field.value
            }
            return told ?? field.value
        case "host", "x-forwarded-host":
            return field.value.replacing("\(authorities.0)", with: "\(authorities.1)")
        default: return field.value
        }
    }

    private static func isAboutTLS(_ record: LogRecord) -> Bool {
        record["tls.version"] == "1.3" && record["tls.version_protocol"] == "tls"
            && record["tls.cipher"]?.hasPrefix("TLS_") == true
            && record["tls.client.server_name"] == "a.example"
    }
}
