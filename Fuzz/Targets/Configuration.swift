import Configuration
import HTTPSyntax
import Policy
import StrictHTTP

extension FuzzTarget {
    /// A configuration, its files one behind the other: it loads or says where it is wrong, and
    /// what has loaded can be asked.
    static let configuration = FuzzTarget("configuration", longest: 4096) { input throws(Finding) in
        let files = split(input)
        let result = ConfigurationLoader.load(path: "/main.yaml", in: surroundings(files))
        try require(
            (result.settings == nil) == (result.errorCount > 0),
            "\(result.errorCount) errors, settings: \(result.settings != nil)")
        for diagnostic in result.diagnostics { try check(diagnostic, files) }
        _ = result.rendered(color: true)
        for diagnostic in result.diagnostics { _ = diagnostic.json.compact }
        guard let settings = result.settings else { return }
        try check(settings)
    }

    /// Between two files stands this line.
    private static let separator = Bytes("%%%\n".utf8)

    private static func split(_ bytes: Bytes) -> [Bytes] {
        var files: [Bytes] = [[]]
        var index = 0
        while index < bytes.count {
            if files.count < 4, bytes[index...].starts(with: separator) {
                files.append([])
                index += separator.count
            } else {
                files[files.count - 1].append(bytes[index])
                index += 1
            }
        }
        return files
    }

    /// The main file and `/conf.d/1.yaml` and so on; whatever is asked for is there or is not
    /// without anybody asking the machine.
    private static func surroundings(_ files: [Bytes]) -> Surroundings {
        Surroundings(
            read: { path, _ throws(FileError) in
                guard let number = number(of: path), number < files.count else {
                    throw FileError(message: "cannot be opened: No such file or directory")
                }
                return files[number]
            },
            expand: { _ throws(FileError) in
                files.indices.dropFirst().map { "/conf.d/\($0).yaml" }
            },
            resolve: { host, _ in
                host.hasPrefix("x") ? .failure("unknown") : .address("192.0.2.1", isIPv6: false)
            })
    }

    private static func number(of path: String) -> Int? {
        if path == "/main.yaml" { return 0 }
        guard path.hasPrefix("/conf.d/"), path.hasSuffix(".yaml") else { return nil }
        return Int(path.dropFirst(8).dropLast(5))
    }

    private static func check(_ diagnostic: Diagnostic, _ files: [Bytes]) throws(Finding) {
        try require(!diagnostic.message.isEmpty, "no message: \(diagnostic)")
        let text = diagnostic.rendered(color: false)
        try require(
            text.unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar.properties.generalCategory != .control
            },
            "a control byte in \(text.debugDescription)")
        guard let number = number(of: diagnostic.file), number < files.count else { return }
        let lines = files[number].count { $0 == 0x0a || $0 == 0x0d } + 3
        try require(diagnostic.line <= lines, "line \(diagnostic.line) of \(lines)")
    }

    /// Asks the policy; its answers are what other targets are about.
    private static func check(_ settings: Settings) throws(Finding) {
        let scratch = JudgeScratch()
        for text in ["/", "/api/items", "/API/%2e%2e/x;y", "*"] {
            let verdict = text.withView { path in
                settings.policy.judge(
                    PolicyRequest(method: .put, path: path, host: ByteView("a.example")),
                    scratch: scratch)
            }
            guard verdict.rule >= 0 else { continue }
            var allow = ByteBuffer()
            settings.policy.appendAllow(verdict.allowed, rule: verdict.rule, to: &allow)
            let backend = settings.policy.backend(verdict.rule)
            try require(settings.backends.indices.contains(backend), "no backend \(backend)")
        }
    }
}
