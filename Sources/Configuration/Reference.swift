// The tables of docs/configuration.md, made from the tables of keys; a test compares the two.

/// All keys as Markdown.
package enum Reference {
    private static let headings: [(String, SectionInfo)] = [
        ("Top level", Keys.root.info), ("`listen[]`", Keys.listener.info),
        ("`listen[].tls`", Keys.listenTLS.info),
        ("`listen[].tls.certificates[]`", Keys.certificate.info),
        ("`backends.NAME`, long form", Keys.backend.info),
        ("`backends.NAME.tls`", Keys.backendTLS.info), ("`defaults`", Keys.defaults.info),
        ("`rules.PATTERN`, long form", Keys.rule.info), ("`hosts.NAME`", Keys.host.info),
        ("`hosts.NAME.defaults`", Keys.hostDefaults.info),
        ("`defaults.templates`, `rules.PATTERN.templates`", Keys.templates.info),
        ("`timeouts`", Keys.timeouts.info),
        ("`limits`", Keys.limits.info), ("`log`", Keys.log.info),
        ("`log.blocks`", Keys.blockLog.info), ("`log.access`", Keys.accessLog.info),
        ("`admin`", Keys.admin.info),
    ]

    /// One heading and one table a section; no newline at the end.
    package static func markdown() -> String {
        headings.map { heading, section in
            let rows = section.keys.filter { !$0.isRefused }.map(row)
            var text = "### \(heading)\n\n"
            text += (["| key | value | default | meaning |", "|---|---|---|---|"] + rows)
                .joined(separator: "\n")
            let later = section.keys.filter { $0.isRefused && !$0.isMisplaced }
                .map { "`\($0.name)`" }
            if !later.isEmpty {
                text += "\n\nRefused by this version: \(later.joined(separator: ", "))."
            }
            return text
        }.joined(separator: "\n\n")
    }

    private static func row(_ key: KeyInfo) -> String {
        let standard =
            key.isRequired
            ? "(must be written)" : key.standard.map { "`\($0)`" } ?? key.standardText ?? ""
        let cells = ["`\(key.name)`", value(key.shape), standard, key.summary]
        return "| " + cells.map(escaped).joined(separator: " | ") + " |"
    }

    private static func value(_ shape: Shape) -> String {
        switch shape {
        case .words(let words): words.map { "`\($0)`" }.joined(separator: ", ")
        case .either(let shapes): shapes.map(value).joined(separator: ", or ")
        case .boolean: "`true`, `false`"
        case .methods: "a list of methods, or `any`"
        case .section: "a mapping, see below"
        case .map(let key, _, _): "a mapping by \(key), see below"
        case .list(.section, _): "a list of mappings, see below"
        default: shape.accepted
        }
    }

    private static func escaped(_ cell: String) -> String {
        cell.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
