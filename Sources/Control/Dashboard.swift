package import Gateway
import HTTPSyntax
package import Policy

// The page at `/` of the admin endpoint: how the gate is, which rules it decides by, what it
// blocked last. It only shows, loads nothing from elsewhere, runs no script, and asks to be loaded
// again by a header of the page.

/// What the page shows beside the counts.
package struct DashboardFacts {
    package var service = ServiceFacts()
    package var isDraining = false
    /// Why the last reload failed; nil where it did not.
    package var reloadFailure: String?
    package var configuration = ""
    package var hostname = ""
    package var listeners: [String] = []
    /// Where block records go.
    package var log = ""
    /// Of a log whose end can be read; nil where it cannot.
    package var blocks: [RecentBlock]?
    /// Seconds since 1970.
    package var now: Int64 = 0

    package init() {}
}

/// Writes the page.
package struct Dashboard {
    /// Rules that are shown, so that a page stays a page.
    static let ruleLimit = 300

    private var html = HTMLText()

    /// `current`: the workers' counts by rule; `rules`: those of former configurations.
    package static func page(
        _ facts: DashboardFacts, _ policy: CompiledPolicy, _ workers: [WorkerCounters],
        _ rules: RuleTotals, _ current: [RuleCounters?]
    ) -> String {
        var page = Dashboard()
        page.writeHead(facts)
        page.writeState(facts)
        page.writeFacts(facts, workers)
        page.writeRules(policy, rules.byRule(current))
        page.writeBlocks(facts)
        page.html.markup("</body>\n</html>\n")
        return page.html.page
    }

    private mutating func writeHead(_ facts: DashboardFacts) {
        html.markup(
            """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width">
            <meta http-equiv="refresh" content="10">
            <link rel="stylesheet" href="style.css">
            <title>methodgate
            """)
        html.text(" on \(facts.hostname)")
        html.markup("</title>\n</head>\n<body>\n")
    }

    private mutating func writeState(_ facts: DashboardFacts) {
        html.markup("<h1>methodgate ")
        html.text(facts.service.version)
        html.markup(
            facts.isDraining
                ? ": <span class=\"note\">draining</span></h1>\n"
                : ": <span class=\"good\">serving</span></h1>\n")
        if let failure = facts.reloadFailure {
            html.markup("<p class=\"bad\">The last reload failed: ")
            html.text(failure)
            html.markup(". The configuration before it is in force.</p>\n")
        }
        html.markup("<p class=\"quiet\">")
        html.text(
            "\(facts.hostname), \(TimeText.utc(facts.now)); loaded again every 10 s; counts are "
                + "since the start \(TimeText.span(facts.now - facts.service.started)) ago")
        html.markup("</p>\n")
    }

    private mutating func writeFacts(_ facts: DashboardFacts, _ workers: [WorkerCounters]) {
        html.markup("<div class=\"facts\">\n<div><h2>Configuration</h2>\n<dl>\n")
        html.fact("file", facts.configuration)
        html.fact("policy (SHA-256)", facts.service.policyDigest)
        html.fact("rules", "\(facts.service.ruleCount), defaults included")
        html.fact("in force since", TimeText.utc(facts.service.lastReload))
        html.fact(
            "reloads", "\(facts.service.reloads), and \(facts.service.failedReloads) that failed")
        html.fact("listeners", facts.listeners.joined(separator: ", "))
        html.markup("</dl></div>\n<div><h2>Traffic</h2>\n<dl>\n")
        let totals = CounterTotals(workers)
        html.fact(
            "clients",
            "\(totals.open) connections open, \(totals.accepted) accepted, "
                + "\(totals.refused) refused")
        html.fact("backends' answers", totals.answers)
        html.fact("blocked", totals.blocks)
        html.fact("block log", facts.log)
        html.fact(
            "records",
            "\(totals.written) written, \(totals.waiting) bytes waiting, "
                + "\(totals.dropped) dropped")
        html.markup("</dl></div>\n</div>\n")
    }

    private mutating func writeRules(_ policy: CompiledPolicy, _ counts: [String: RuleCounts]) {
        html.markup("<h2>Rules</h2>\n<div class=\"wide\"><table>\n<tr>")
        for title in ["rule", "path", "methods", "mode", "at"] { heading(title) }
        for title in ["forwarded", "blocked", "would block"] { heading(title, isNumber: true) }
        html.markup("</tr>\n")
        let shown = Self.shownRules(policy, counts)
        for rule in shown { writeRule(policy.facts(Int32(rule)), counts) }
        html.markup("</table></div>\n")
        guard shown.count < policy.ruleCount else { return }
        html.markup("<p class=\"quiet\">")
        html.text(
            "These are the \(shown.count) of \(policy.ruleCount) rules with the most blocks; "
                + "/metrics has more.")
        html.markup("</p>\n")
    }

    private mutating func heading(_ title: String, isNumber: Bool = false) {
        html.markup(isNumber ? "<th class=\"number\">" : "<th>")
        html.text(title)
        html.markup("</th>")
    }

    private mutating func writeRule(_ facts: RuleFacts, _ counts: [String: RuleCounts]) {
        let id = facts.id.text
        let count = counts[id] ?? RuleCounts()
        html.markup("<tr>")
        html.cell(id)
        html.cell(facts.name.text)
        html.cell(facts.allow.isEmpty ? "none" : facts.allow.text)
        html.cell("\(facts.mode)")
        html.cell(facts.ref.text)
        for number in [count.forwarded, count.blocked, count.wouldBlock] {
            html.cell(String(number), isNumber: true)
        }
        html.markup("</tr>\n")
    }

    /// All in their order where they are few, else those with the most blocks.
    private static func shownRules(
        _ policy: CompiledPolicy, _ counts: [String: RuleCounts]
    ) -> [Int] {
        let all = 0..<policy.ruleCount
        guard all.count > ruleLimit else { return Array(all) }
        let weighed = all.map { rule in
            (rule: rule, count: counts[policy.facts(Int32(rule)).id.text] ?? RuleCounts())
        }
        return weighed.sorted { left, right in
            let (more, less) = (left.count, right.count)
            return (more.stopped, more.forwarded) == (less.stopped, less.forwarded)
                ? left.rule < right.rule
                : (more.stopped, more.forwarded) > (less.stopped, less.forwarded)
        }.prefix(ruleLimit).map(\.rule)
    }

    private mutating func writeBlocks(_ facts: DashboardFacts) {
        html.markup("<h2>Last blocks</h2>\n")
        guard let blocks = facts.blocks else {
            html.markup("<p class=\"quiet\">")
            html.text("They go to \(facts.log), which cannot be read back here.")
            html.markup("</p>\n")
            return
        }
        guard !blocks.isEmpty else {
            html.markup("<p class=\"quiet\">There is none at the end of the log.</p>\n")
            return
        }
        html.markup("<div class=\"wide\"><table>\n<tr>")
        for title in ["time", "action", "status", "method", "path", "rule", "client", "event id"] {
            heading(title)
        }
        html.markup("</tr>\n")
        for block in blocks {
            html.markup("<tr>")
            for text in block.texts { html.cell(text) }
            html.markup("</tr>\n")
        }
        html.markup("</table></div>\n")
    }
}
