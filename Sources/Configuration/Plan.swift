// What decoding fills in, file by file, until it can become `Settings`.

import Policy

/// Everything read so far. Confined to the thread that loads.
struct Plan {
    var listeners: [Listen] = []
    var backends: [Backend] = []
    /// Where each name stands in `backends`; holds those whose URL is wrong as well.
    var backendNumbers: [String: Int] = [:]
    var timeouts = Keys.timeouts.standard(Timeouts())
    var limits = Keys.limits.standard(Limits())
    var log = Keys.log.standard(LogSettings())
    var workers: Int?
    var admin: Address?
    var control = ControlSocket.automatic
    var reloadsOnChange = false
    var proxies = ProxyDraft()
    /// Listeners with `proxy_protocol`, and where that is written.
    var proxyListeners: [(address: Address, node: Node)] = []
    var policy = PolicySource(files: [], backendReadings: [])
    /// Patterns of files to include, with the nodes that hold them.
    var includes: [(pattern: String, node: Node)] = []
    /// Where each host stands in `policy.scopes`.
    private var scopeNumbers: [String: Int] = [:]

    /// The scope of a host (nil: the common one), made where there is none yet.
    mutating func scope(_ host: String?, at location: SourceLocation) -> Int {
        let key = host.map { "h" + $0 } ?? ""
        if let number = scopeNumbers[key] { return number }
        policy.scopes.append(ScopeSource(host: host, at: location))
        scopeNumbers[key] = policy.scopes.count - 1
        return policy.scopes.count - 1
    }
}

/// A rule or a scope's defaults while they are read.
struct RuleDraft {
    var methods: MethodList?
    var id: Located?
    var host: Located?
    var upgrades: UpgradeList?
    var options = RuleOptions()
}

/// A text and where it was written.
struct Located: Sendable {
    var text: String
    var location: SourceLocation
}
