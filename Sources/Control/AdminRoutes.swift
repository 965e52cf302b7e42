// The operator's questions: which paths there are, what they answer. Read-only on the admin
// listener; the control socket, which only the service's own user reaches, may also reload.

/// How the gate is, for probes.
package enum Readiness: Equatable {
    case ready
    case draining
}

/// What the answers need to know.
package protocol AdminSubject: AnyObject {
    var readiness: Readiness { get }
    /// A worker that has not answered for `Heartbeat.patience`; nil where all do.
    var silentWorker: Int? { get }
    /// Why the last reload failed; nil where it did not.
    var reloadFailure: String? { get }
    func metricsPage(_ format: MetricsFormat) -> String
    func dashboardPage() -> String
    func statusReport() -> String
    /// Loads the configuration again; what is wrong with it, or nil.
    func reloadNow() -> String?
}

/// Answers for one listener.
package enum AdminRoutes {
    /// `/`, `/livez`, `/readyz`, `/metrics`.
    package static func answer(_ request: AdminRequest, _ subject: any AdminSubject) -> AdminAnswer
    {
        guard ["/", "/style.css", "/livez", "/readyz", "/metrics"].contains(request.path) else {
            return notFound
        }
        guard isReading(request) else { return notAllowed("GET, HEAD") }
        switch request.path {
        case "/": return dashboard(subject)
        case "/style.css":
            return AdminAnswer(200, Dashboard.style, type: "text/css; charset=utf-8")
        case "/livez": return liveness(subject)
        case "/readyz": return readiness(subject)
        default:
            let format = MetricsFormat(accept: request.accept)
            return AdminAnswer(200, subject.metricsPage(format), type: format.contentType)
        }
    }

    /// A page that may load its own sheet and nothing else, and that no other page may frame.
    private static func dashboard(_ subject: any AdminSubject) -> AdminAnswer {
        AdminAnswer(
            200, subject.dashboardPage(), type: "text/html; charset=utf-8",
            fields: [
                (
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
                        + "frame-ancestors 'none'"
                ), ("Referrer-Policy", "no-referrer"),
            ])
    }

    /// The same, and `/status` and `/reload`.
    package static func answerControl(
        _ request: AdminRequest, _ subject: any AdminSubject
    ) -> AdminAnswer {
        switch request.path {
        case "/status":
            guard isReading(request) else { return notAllowed("GET, HEAD") }
            return AdminAnswer(200, subject.statusReport(), type: "application/json")
        case "/reload":
            guard request.method == "POST" else { return notAllowed("POST") }
            if let failure = subject.reloadNow() { return AdminAnswer(422, failure) }
            return AdminAnswer(200, subject.statusReport(), type: "application/json")
        default: return answer(request, subject)
        }
    }

    /// Who asks hears of the main loop by the answer itself; a worker that hangs serves nobody any
    /// more and only a new start helps.
    private static func liveness(_ subject: any AdminSubject) -> AdminAnswer {
        guard let worker = subject.silentWorker else { return AdminAnswer(200, "ok\n") }
        return AdminAnswer(
            503, "worker \(worker) has not answered for \(Heartbeat.patience) s\n")
    }

    /// A failed reload leaves the gate serving as before: it is said, but it is no reason to send
    /// the traffic elsewhere.
    private static func readiness(_ subject: any AdminSubject) -> AdminAnswer {
        switch subject.readiness {
        case .draining: AdminAnswer(503, "draining\n")
        case .ready:
            AdminAnswer(
                200,
                subject.reloadFailure == nil
                    ? "ready\n" : "ready, on the configuration before a failed reload\n")
        }
    }

    private static func isReading(_ request: AdminRequest) -> Bool {
        request.method == "GET" || request.method == "HEAD"
    }

    private static var notFound: AdminAnswer {
        AdminAnswer(404, "There are /, /livez, /readyz and /metrics.\n")
    }

    private static func notAllowed(_ allow: String) -> AdminAnswer {
        AdminAnswer(405, "Allowed: \(allow)\n", fields: [("Allow", allow)])
    }
}
