import Audit
package import Gateway
import HTTPSyntax

// What `/metrics` says. Names follow the Prometheus conventions; labels are bounded by the
// configuration, never by what clients send.

/// What the main thread knows beside the workers' counts.
package struct ServiceFacts {
    package var version = ""
    /// SHA-256 of the configuration in force.
    package var policyDigest = ""
    package var ruleCount = 0
    package var mode = ""
    /// Seconds since 1970.
    package var started: Int64 = 0
    package var lastReload: Int64 = 0
    package var lastReloadSucceeded = true
    package var reloads: UInt64 = 0
    package var failedReloads: UInt64 = 0
    /// Client connections at a time, all workers together.
    package var connectionLimit = 0

    package init() {}
}

/// Writes the page.
package struct Metrics {
    private var page: OpenMetrics

    /// `rules`: totals of former configurations; the workers' own are added.
    package static func page(
        _ workers: [WorkerCounters], _ rules: RuleTotals, _ current: [RuleCounters?],
        _ logs: [LogState], _ facts: ServiceFacts, as format: MetricsFormat
    ) -> String {
        var metrics = Metrics(page: OpenMetrics(format))
        metrics.writeRequests(workers, rules.all(current))
        metrics.writeUpstreams(workers)
        metrics.writeConnections(workers, facts)
        metrics.writeHandshakes(workers)
        metrics.writeTunnels(workers)
        metrics.writeHTTP2(workers)
        metrics.writeRecords(workers, logs)
        metrics.writeService(facts)
        metrics.page.end()
        return metrics.page.text
    }

    private mutating func writeRequests(
        _ workers: [WorkerCounters], _ sums: [RuleKey: UInt64]
    ) {
        page.begin(
            "methodgate_requests", .counter, "Requests by rule, method and what was decided.")
        for (key, count) in sums.sorted(by: { $0.key < $1.key }) {
            page.count(
                [("rule", key.rule), ("method", key.method), ("decision", key.decision.name)], count
            )
        }
        page.begin(
            "methodgate_blocks", .counter,
            "Block records by their event.action; would-block was forwarded.")
        for action in BlockAction.allCases {
            page.count(
                [("action", action.name.description)],
                sum(workers) { $0.blocks.value(Int(action.rawValue)) })
        }
        page.begin(
            "methodgate_malformed_requests", .counter,
            "Requests refused whatever the rules say.")
        page.count(sum(workers) { $0.malformed.value })
    }

    private mutating func writeUpstreams(_ workers: [WorkerCounters]) {
        page.begin(
            "methodgate_upstream_answers", .counter,
            "Final answers of backends by class of status; none: a failure.")
        for index in 0..<6 {
            let name = index == 0 ? "none" : "\(index)xx"
            page.count([("status", name)], sum(workers) { $0.upstreamAnswers.value(index) })
        }
        page.begin(
            "methodgate_cut_answers", .counter,
            "Answers of backends that began and were cut short, by why.")
        for cut in AnswerCut.allCases {
            page.count([("reason", cut.name)], sum(workers) { $0.cutAnswers.value(cut.rawValue) })
        }
        page.begin(
            "methodgate_upstream_response_seconds", .histogram, unit: "seconds",
            "From a request's head to the head of its answer.")
        var total: UInt64 = 0
        for (index, bound) in WorkerCounters.bounds.enumerated() {
            total += sum(workers) { $0.upstreamTimes.value(index) }
            page.sample(
                "_bucket", [("le", OpenMetrics.bound(microseconds: bound))], String(total))
        }
        total += sum(workers) { $0.upstreamTimes.value(WorkerCounters.bounds.count) }
        page.sample("_bucket", [("le", "+Inf")], String(total))
        page.sample("_count", [], String(total))
        page.sample(
            "_sum", [],
            OpenMetrics.seconds(microseconds: sum(workers) { $0.upstreamTime.value }))
    }

    private mutating func writeConnections(_ workers: [WorkerCounters], _ facts: ServiceFacts) {
        page.begin("methodgate_client_connections", .counter, "Connections accepted.")
        page.count(sum(workers) { $0.connections.value })
        page.begin(
            "methodgate_refused_client_connections", .counter,
            "Connections closed at once: their client had as many as it may.")
        page.count(sum(workers) { $0.refusedConnections.value })
        page.begin("methodgate_open_client_connections", .gauge, "Connections open now.")
        page.sample("", [], String(sum(workers) { $0.openConnections.value }))
        page.begin(
            "methodgate_open_client_connections_limit", .gauge,
            "Beyond so many, clients wait to be accepted.")
        page.sample("", [], String(facts.connectionLimit))
    }

    private mutating func writeTunnels(_ workers: [WorkerCounters]) {
        // Ends first: read the other way round, more could have ended than began.
        let ended = sum(workers) { $0.endedTunnels.value }
        let begun = sum(workers) { $0.tunnels.value }
        page.begin("methodgate_tunnels", .counter, "WebSockets that a rule granted and began.")
        page.count(begun)
        page.begin("methodgate_open_tunnels", .gauge, "Of them, those that have not ended.")
        page.sample("", [], String(begun - min(ended, begun)))
    }

    private mutating func writeHTTP2(_ workers: [WorkerCounters]) {
        page.begin(
            "methodgate_http2_connections", .counter, "Connections on which clients speak HTTP/2.")
        page.count(sum(workers) { $0.http2Connections.value })
        page.begin("methodgate_http2_requests", .counter, "Requests that came by HTTP/2.")
        page.count(sum(workers) { $0.http2Requests.value })
        page.begin(
            "methodgate_http2_floods", .counter,
            "Connections of HTTP/2 that were ended since the client asked too much of them.")
        page.count(sum(workers) { $0.http2Floods.value })
    }

    private mutating func writeHandshakes(_ workers: [WorkerCounters]) {
        page.begin(
            "methodgate_tls_handshakes", .counter,
            "TLS connections of clients that were set up, by version, and whether they took up an "
                + "earlier session.")
        for index in 0..<4 {
            page.count(
                [
                    ("version", index % 2 == 0 ? "1.2" : "1.3"),
                    ("resumed", index < 2 ? "false" : "true"),
                ], sum(workers) { $0.handshakes.value(index) })
        }
        page.begin(
            "methodgate_tls_ciphers", .counter, "The same, by cipher suite.")
        for (index, name) in WorkerCounters.cipherNames.enumerated() {
            page.count([("cipher", name)], sum(workers) { $0.ciphers.value(index) })
        }
        page.begin(
            "methodgate_tls_server_names", .counter,
            "The same, by what the client asked for (SNI): no name, one for which the first "
                + "certificates stand, or one that has its own.")
        for (index, kind) in WorkerCounters.serverNameKinds.enumerated() {
            page.count([("server_name", kind)], sum(workers) { $0.serverNames.value(index) })
        }
        page.begin(
            "methodgate_tls_failed_handshakes", .counter,
            "TLS connections of clients that could not be set up, by what it was about.")
        for (index, name) in WorkerCounters.faultNames.enumerated() {
            page.count([("error_type", name)], sum(workers) { $0.failedHandshakes.value(index) })
        }
    }

    private mutating func writeRecords(_ workers: [WorkerCounters], _ logs: [LogState]) {
        page.begin("methodgate_records_written", .counter, "Block records handed to the log.")
        page.count(sum(workers) { $0.recordsWritten.value })
        page.begin(
            "methodgate_records_dropped", .counter,
            "Block records that have a number and are in no log.")
        page.count(sum(workers) { $0.recordsDropped.value })
        page.begin(
            "methodgate_records_waiting_bytes", .gauge, unit: "bytes",
            "Block records that the log has not taken yet.")
        page.sample("", [], String(sum(workers) { $0.recordsWaiting.value }))
        page.begin(
            "methodgate_log_writable", .gauge,
            "1 where the log took all of what was last written to it.")
        for log in logs { page.sample("", [("log", log.name)], log.fault == nil ? "1" : "0") }
    }

    private mutating func writeService(_ facts: ServiceFacts) {
        page.begin("methodgate_reloads", .counter, "Attempts to load the configuration again.")
        page.count([("result", "success")], facts.reloads)
        page.count([("result", "failure")], facts.failedReloads)
        page.begin(
            "methodgate_last_reload_successful", .gauge,
            "1 where the file on disk at the last attempt is the one in force.")
        page.sample("", [], facts.lastReloadSucceeded ? "1" : "0")
        page.begin(
            "methodgate_last_reload_timestamp_seconds", .gauge, unit: "seconds",
            "When the configuration in force was taken.")
        page.sample("", [], String(facts.lastReload))
        page.begin(
            "methodgate_start_time_seconds", .gauge, unit: "seconds", "When the process began.")
        page.sample("", [], String(facts.started))
        page.begin("methodgate_rules", .gauge, "Rules in force, defaults included.")
        page.sample("", [], String(facts.ruleCount))
        page.begin("methodgate_build", .info, "The program.")
        page.sample("_info", [("version", facts.version)], "1")
        page.begin("methodgate_policy", .info, "The configuration in force.")
        page.sample("_info", [("sha256", facts.policyDigest)], "1")
    }

    private func sum(_ workers: [WorkerCounters], _ value: (WorkerCounters) -> UInt64) -> UInt64 {
        workers.reduce(0) { $0 &+ value($1) }
    }
}
