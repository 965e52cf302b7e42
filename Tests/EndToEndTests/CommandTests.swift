// The commands from a user's eyes: exit statuses, and what is said where.

import Foundation
import TLS
import TestSupport
import Testing

@Suite struct `Commands` {
    private let directory: TemporaryDirectory
    private var file: String { directory.path("gate.yaml") }

    init() throws {
        directory = try TemporaryDirectory()
        let text = """
            listen: [{address: 127.0.0.1:0}]
            backends: {app: http://127.0.0.1:9}
            defaults: {methods: [GET]}
            rules:
              /items: [GET, POST]
              /close: {methods: [GET], blocked_status: close}
              /shadow: {methods: [GET], mode: shadow}
              /socket/{room}: {methods: [GET], upgrade: [websocket]}
              /socket/lobby: [GET]
              /deny: {methods: [GET, POST], override: deny}
              /strip: {methods: [POST], override: strip}
            """
        try text.write(toFile: file, atomically: true, encoding: .utf8)
    }

    private struct Result {
        let status: TestSupport.ExitStatus?
        let output: String
        let errors: String
    }

    private func run(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Result
    {
        let process = try ChildProcess(
            GateProcess.binary(), arguments, environment: environment)
        defer { process.stop(within: 0) }
        let status = process.waitForExit(within: 10)
        return Result(
            status: status, output: String(decoding: process.standardOutput, as: UTF8.self),
            errors: process.standardError)
    }

    struct Explained: Sendable {
        let arguments: [String]
        let status: Int32
        let says: String
    }

    private static let explained: [Explained] = [
        .init(arguments: ["GET", "/items"], status: 0, says: "GET: forwarded to backend app"),
        .init(arguments: ["PUT", "/items"], status: 1, says: "PUT: blocked: 405"),
        .init(arguments: ["get", "/items"], status: 1, says: "get: blocked: 405"),
        .init(arguments: ["PUT", "/close"], status: 1, says: "closed without an answer"),
        .init(arguments: ["PUT", "/shadow"], status: 0, says: "logged as would-block"),
        .init(
            arguments: ["PUT", "https://u:p@a.example:8443/items?x#y"], status: 1, says: "/items"),
        .init(arguments: ["POST", "http://a.example/ITEMS"], status: 1, says: "readings of the"),
        .init(
            arguments: ["GET", "/socket/1"], status: 0,
            says: "upgrade  websocket: a GET that asks for it may switch"),
        .init(
            arguments: ["GET", "/socket/LOBBY"], status: 0,
            says: "upgrade  none: another reading of the path"),
        .init(arguments: ["OPTIONS", "*"], status: 0, says: "answered here: 204"),
        .init(arguments: ["GET", "*"], status: 1, says: "GET: refused with 400"),
        .init(arguments: ["GET", "/%zz"], status: 1, says: "GET: refused with 400: malformed"),
        .init(arguments: ["GET", "http://a%/"], status: 1, says: "GET: refused with 400: Host"),
        .init(arguments: ["CONNECT", "a.example:443"], status: 1, says: "CONNECT: blocked: 405"),
        .init(
            arguments: ["OPTIONS", "/items", "--preflight", "POST"], status: 0, says: "forwarded"),
        .init(
            arguments: ["OPTIONS", "/items", "--preflight", "PUT"], status: 1, says: "preflight"),
        .init(
            arguments: ["POST", "/items", "--header", "X-HTTP-Method-Override: delete"], status: 1,
            says: "DELETE, which X-HTTP-Method-Override asks for: not allowed"),
        .init(
            arguments: ["POST", "/items?_method=PUT"], status: 1,
            says: "POST: blocked: 403; an override of the method"),
        .init(
            arguments: ["POST", "/items?_method=head", "--header", "X_HTTP_Method: GET"], status: 0,
            says: "HEAD, which the query asks for: allowed"),
        .init(arguments: ["GET", "/items?_method=PUT"], status: 0, says: "forwarded"),
        .init(
            arguments: ["POST", "/items", "--override", "GET", "--override", "DELETE"], status: 1,
            says: "DELETE, which --override asks for: not allowed"),
        .init(
            arguments: ["POST", "/items", "--override", "GET, PUT"], status: 1,
            says: "another method, which --override may ask for: not allowed"),
        .init(
            arguments: ["POST", "/deny", "--override", "GET"], status: 1,
            says: "not accepted (override: deny)"),
        .init(
            arguments: ["GET", "/shadow", "--header", "X-Method-Override: PUT"], status: 0,
            says: "logged as would-block"),
        .init(
            arguments: ["POST", "/strip?_method=PUT", "--header", "X-HTTP-Method: PUT"], status: 0,
            says: "PUT, which X-HTTP-Method asks for: removed"),
        .init(
            arguments: [
                "POST", "/items", "--header", "Connection: X-HTTP-Method", "--header",
                "X-HTTP-Method: PUT",
            ], status: 0, says: "POST: forwarded to backend app\n  rule"),
        .init(
            arguments: ["GET", "/items", "--header", "Host: a b"], status: 1,
            says: "GET: refused with 400: Host"),
    ]

    @Test func `the built-in configuration of the demo is the one in the source tree`() throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let file = folder.appendingPathComponent("../../config/demo.yaml")
        let shown = try run(["demo", "--show"])
        #expect(shown.status == .code(0))
        #expect(try shown.output == String(contentsOf: file, encoding: .utf8))
    }

    @Test(arguments: explained)
    func `explain a request`(_ row: Explained) throws {
        let result = try run(["explain"] + row.arguments + ["-c", file])
        #expect(result.status == .code(row.status))
        #expect(result.output.contains(row.says), "\(result.output)")
        #expect(result.errors.isEmpty)
        let json = try run(["explain", "--json"] + row.arguments + ["-c", file])
        #expect(json.status == .code(row.status))
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8))
        let members = try #require(object as? [String: Any])
        #expect(members["blocked"] as? Bool == (row.status == 1))
        #expect(members["verdict"] is String)
        #expect(members["readings"] is [Any])
    }

    @Test(arguments: [
        ["frobnicate"], ["--frobnicate"], ["check", "--frobnicate"], ["check", "extra"],
        ["check", "-c"], ["explain"], ["explain", "GET"], ["explain", "GET", "/", "extra"],
        ["explain", "", "/"], ["explain", "G T", "/"], ["explain", "GET", ""],
        ["explain", "GET", "items"], ["explain", "GET", "ftp://a/"], ["explain", "GET", "http://"],
        ["explain", "GET", "/a b"], ["explain", "GET", "/a HTTP/1.1\r\nX: y"],
        ["explain", "GET", "/", "--preflight", "PUT"], ["explain", "GET", "/", "--header", "X"],
        ["explain", "GET", "/", "--header", ": x"],
        ["explain", "GET", "/", "--header", "X: y\r\n"],
        ["explain", "OPTIONS", "/", "--preflight", "P T"],
        ["explain", "GET", "/", "-c", "/nonexistent"], ["check", "-c", "/nonexistent"],
        ["check", "-c", "/tmp"], ["run", "-c", "/nonexistent"], ["demo", "-c", "/nonexistent"],
        ["-t", "-c", "/nonexistent"],
    ])
    func `end with 2 and a word on standard error where they are used wrongly`(
        _ arguments: [String]
    ) throws {
        let result = try run(arguments)
        #expect(result.status == .code(2))
        #expect(!result.errors.isEmpty)
        #expect(!result.output.contains("loads: "))
    }

    @Test(arguments: [
        [], ["--help"], ["help"], ["help", "run"], ["run", "--help"], ["check", "--help"],
        ["explain", "--help"], ["schema", "--help"], ["demo", "--help"], ["version", "--help"],
        ["--version"], ["version"], ["version", "--json"], ["schema"],
    ])
    func `say on standard output what they are asked for`(_ arguments: [String]) throws {
        let result = try run(arguments)
        #expect(result.status == .code(0))
        #expect(!result.output.isEmpty)
        #expect(result.errors.isEmpty)
    }

    @Test(arguments: [["check"], ["validate"], ["-t"]])
    func `check a configuration`(_ command: [String]) throws {
        let good = try run(command + ["-c", file])
        #expect(good.status == .code(0))
        #expect(good.output.contains("loads: 8 rules (defaults included), 1 backend; policy "))
        let before = try run(["-c", file, "-t"])
        #expect(before.status == .code(0))
        try "listen: 3\nfoo: bar\n".write(toFile: file, atomically: true, encoding: .utf8)
        let bad = try run(command + ["-c", file])
        #expect(bad.status == .code(2))
        #expect(bad.errors.contains("gate.yaml:2:1: foo: unknown key"))
        #expect(bad.output.contains("does not load"))
    }

    private func object(_ text: String) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(object as? [String: Any])
    }

    @Test(arguments: [["check"], ["-t"]])
    func `check a configuration for a program`(_ command: [String]) throws {
        let command = command + ["--json", "-c", file]
        let good = try run(command)
        #expect(good.status == .code(0))
        #expect(good.errors.isEmpty)
        let loaded = try object(good.output)
        #expect(
            Set(loaded.keys)
                == ["file", "loads", "diagnostics", "files", "rules", "policy_sha256"])
        #expect(loaded["file"] as? String == file)
        #expect(loaded["loads"] as? Bool == true)
        #expect((loaded["diagnostics"] as? [Any])?.isEmpty == true)
        #expect(loaded["files"] as? [String] == [file])
        #expect(loaded["rules"] as? Int == 8)
        #expect((loaded["policy_sha256"] as? String)?.count == 64)
        try "listen: 3\nfoo: bar\n".write(toFile: file, atomically: true, encoding: .utf8)
        let bad = try run(command)
        #expect(bad.status == .code(2))
        #expect(bad.errors.isEmpty)
        let refused = try object(bad.output)
        #expect(Set(refused.keys) == ["file", "loads", "diagnostics"])
        #expect(refused["loads"] as? Bool == false)
        let findings = try #require(refused["diagnostics"] as? [[String: Any]])
        let unknown = try #require(findings.first { $0["key"] as? String == "foo" })
        #expect(unknown["severity"] as? String == "error")
        #expect(unknown["file"] as? String == file)
        #expect(unknown["line"] as? Int == 2 && unknown["column"] as? Int == 1)
        #expect(unknown["message"] as? String == "unknown key")
    }

    @Test func `check strictly`() throws {
        let strict = ["check", "--strict", "-c", file]
        #expect(try run(strict).status == .code(0))
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let other = text.replacingOccurrences(of: "[GET, POST]", with: "[GET, GET]")
        #expect(other != text)
        try other.write(toFile: file, atomically: true, encoding: .utf8)
        #expect(try run(["check", "-c", file]).status == .code(0))
        let warned = try run(strict)
        #expect(warned.status == .code(2))
        #expect(warned.errors.contains("warning"))
        #expect(warned.output.contains(" loads: "))
    }

    /// What `run` only warns of: a restart on the wrong day takes no site down.
    @Test func `check for certificates that clients will not take`() throws {
        let day = 86400
        let names = ["DNS:a.example"]
        let (root, middle) = try (
            Authority(named: "root"), SelfSigned(commonName: "middle", names: ["DNS:m.example"])
        )
        let old = try SelfSigned(commonName: "old", names: names, from: -9 * day, to: -day)
        let early = try SelfSigned(commonName: "early", names: names, from: day, to: 9 * day)
        let made = try SelfSigned(commonName: "a", names: names)
        let fixture = try TLSFixture()
        let file = fixture.directory.path("gate.yaml")
        let backend = try #require(Address("127.0.0.1:9"))
        try fixture.configuration(backend).write(toFile: file, atomically: true, encoding: .utf8)
        let cases: [(pem: Bytes, status: Int32, says: String)] = try [
            (made.certificate + made.key, 0, ""),
            (old.certificate + old.key, 1, "the certificate of CN=old expired on"),
            (early.certificate + early.key, 0, "the certificate of CN=early is not valid before"),
            (
                Authority(middle).sign(made) + root.pem + made.key, 1,
                "the chain is incomplete: behind CN=a stands CN=root, and its issuer CN=middle is"
            ),
            // Clients may know a private root that signs by itself.
            (root.sign(made) + made.key, 0, "the chain ends with CN=a"),
        ]
        for (pem, status, says) in cases {
            try fixture.write(pem, as: "front.pem")
            let said = try run(["check", "-c", file])
            #expect(said.status == .code(status), "\(says)")
            #expect(says.isEmpty ? said.errors.isEmpty : said.errors.contains(says))
            #expect(said.errors.contains("warning:") == (status == 0 && !says.isEmpty))
            #expect(said.output.contains(status == 1 ? " loads, with 1 error: " : " loads: "))
            let report = try run(["check", "--json", "-c", file])
            #expect(report.status == .code(status))
            #expect(report.output.contains("\"severity\": \"error\"") == (status == 1))
        }
    }

    @Test(arguments: [false, true])
    func `run and reload go on with a certificate that has expired`(_ isLater: Bool) throws {
        let backend = try ScriptedBackend.echo()
        defer { backend.stop() }
        let fixture = try TLSFixture()
        let old = try SelfSigned(
            commonName: "old", names: ["DNS:a.example"], from: -9 * 86400, to: -86400)
        if !isLater { try fixture.write(old, as: "front.pem") }
        let gate = try fixture.gate(backend.address)
        defer { gate.process.stop(within: 20) }
        if isLater {
            try fixture.write(old, as: "front.pem")
            try gate.reload(fixture.configuration(backend.address))
        }
        #expect(eventually { gate.process.standardError.contains("the certificate of CN=old exp") })
        #expect(gate.process.standardError.contains("warning: "))
        #expect(!gate.process.standardError.contains("failed"))
        #expect(try gate.exchange(request("GET")).status == 200)
    }

    @Test func `do not pass half a result for a whole one`() throws {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        let process = try ChildProcess(GateProcess.binary(), ["schema"], output: full)
        #expect(process.waitForExit(within: 20) == .code(2))
        #expect(process.standardError.contains("No space left on device"))
    }

    @Test func `check warns where the system has no authorities that a backend wants`() throws {
        let folder = directory.path("authorities")
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let made = try SelfSigned(commonName: "root", names: ["DNS:root.example"]).certificate
        let nowhere = ["SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": "/no/where:\(folder)"]
        func check(_ backend: String, _ environment: [String: String]) throws -> Result {
            let text = """
                listen: [{address: 127.0.0.1:0}]
                backends: {app: \(backend)}
                defaults: {methods: [GET]}
                """
            try text.write(toFile: file, atomically: true, encoding: .utf8)
            return try run(["check", "-c", file], environment)
        }
        let system = "https://127.0.0.1:9"
        // What no authority is named after does not count.
        for name in ["", "README", "5ed36f99.pem", "5ed36f99.", "5ed36f9g.0"] {
            if !name.isEmpty {
                try "".write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
            }
            let told = try check(system, nowhere)
            #expect(told.status == .code(0))
            #expect(
                told.errors.contains(
                    "warning: backends.app: the system has no authorities (/nonexistent, /no/where, "
                        + "\(folder)), so that no backend can prove who it is; accepted: ca"),
                "\(told)")
        }
        let authority = directory.path("root.pem")
        try Data(made).write(to: URL(fileURLWithPath: authority))
        for backend in [
            "http://127.0.0.1:9", "{url: 'https://127.0.0.1:9', tls: {ca: \(authority)}}",
        ] { #expect(try !check(backend, nowhere).errors.contains("authorities"), "\(backend)") }
        var found = nowhere
        found["SSL_CERT_FILE"] = authority
        #expect(try !check(system, found).errors.contains("authorities"))
        try Data(made).write(to: URL(fileURLWithPath: folder + "/5ed36f99.0"))
        #expect(try !check(system, nowhere).errors.contains("authorities"))
    }
}
