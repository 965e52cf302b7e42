// Other people's programs on either side, and every kind of socket.

import Foundation
import Glibc
import TestSupport
import Testing

extension `End to end` {
    struct `Sockets and peers` {
        private func mode(_ path: String) throws -> Int {
            let facts = try FileManager.default.attributesOfItem(atPath: path)
            return facts[.posixPermissions] as? Int ?? 0
        }

        @Test func `Unix sockets work on both sides`() throws {
            let directory = try TemporaryDirectory()
            let backend = try ScriptedBackend.echo(on: .unix(directory.path("backend.sock")))
            defer { backend.stop() }
            let path = directory.path("gate.sock")
            let gate = try GateProcess(
                configuration(
                    backend.address, listen: ["unix:\(path)"],
                    rest: "control: \(directory.path("control.sock"))"), in: directory)
            defer { end(gate) }
            // Whatever the umask: the folder says who may connect.
            #expect(try mode(path) == 0o666)
            #expect(try mode(directory.path("control.sock")) & 0o022 == 0, "that is for its user")
            let answer = try RawClient.exchange(.unix(path), request("GET", "/x"))
            #expect(answer.text == "GET /x HTTP/1.1\n")
            #expect(try RawClient.exchange(.unix(path), blocked).status == 405)
            #expect(eventually { (try? gate.log.byEvent().count) == 1 })
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.values("Forwarded").count == 1)
        }

        @Test func `a Unix socket left over from a killed gate is taken over`() throws {
            let directory = try TemporaryDirectory()
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let path = directory.path("gate.sock")
            let text = configuration(backend.address, listen: ["unix:\(path)"])
            let first = try GateProcess(text, in: directory)
            first.process.signal(SIGKILL)
            #expect(first.process.waitForExit(within: 20) != nil)
            let second = try GateProcess(text, in: directory)
            defer { end(second) }
            #expect(try RawClient.exchange(.unix(path), request("GET")).status == 200)
        }

        @Test func `a Unix socket in use is not taken over`() throws {
            let directory = try TemporaryDirectory()
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let path = directory.path("gate.sock")
            let text = configuration(backend.address, listen: ["unix:\(path)"])
            let first = try GateProcess(text, in: directory)
            defer { first.stop() }
            let result = try GateProcess.command("run", "-c", first.configurationFile)
            #expect(result.status == .code(2))
            #expect(result.errors.contains(path))
            #expect(try RawClient.exchange(.unix(path), request("GET")).status == 200)
        }

        @Test func `IPv6 works on both sides`() throws {
            let backend = try ScriptedBackend.echo(on: .loopback6)
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address, listen: ["[::1]:0"]))
            defer { end(gate) }
            let answer = try RawClient.exchange(gate.address, request("GET", "/x"))
            #expect(answer.text == "GET /x HTTP/1.1\n")
            let forwarded = try #require(backend.requests.first)
            #expect(forwarded.value("X-Forwarded-For") == "::1")
            #expect(forwarded.value("Forwarded")?.contains("for=\"[::1]\"") == true)
            _ = try RawClient.exchange(gate.address, blocked)
            #expect(
                eventually { (try? gate.log.records().last?["source.ip"]) == "::1" })
        }

        @Test func `several listeners serve at once`() throws {
            let directory = try TemporaryDirectory()
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let path = directory.path("gate.sock")
            let listen = ["127.0.0.1:0", "[::1]:0", "unix:\(path)"]
            let gate = try GateProcess(
                configuration(backend.address, listen: listen, workers: 2), in: directory)
            defer { end(gate) }
            #expect(gate.addresses.count == 3)
            for address in gate.addresses {
                #expect(try RawClient.exchange(address, request("GET")).status == 200)
            }
        }

        /// Runs curl and gives its output.
        private func curl(_ arguments: [String]) throws -> String {
            let process = try ChildProcess("/usr/bin/curl", ["-sS", "-m", "10"] + arguments)
            defer { process.stop(within: 0) }
            #expect(process.waitForExit(within: 15) == .code(0), "\(process.standardError)")
            return String(decoding: process.standardOutput, as: UTF8.self)
        }

        @Test func `curl gets what it asks for`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try GateProcess(configuration(backend.address))
            defer { end(gate) }
            let url = "http://\(gate.address)"
            #expect(try curl([url + "/a", url + "/b"]) == "GET /a HTTP/1.1\nGET /b HTTP/1.1\n")
            let head = try curl(["-I", url + "/a"])
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            let rejected = try curl(["-i", "-X", "PATCH", "-d", "content", url + "/a"])
            #expect(rejected.hasPrefix("HTTP/1.1 405 Method Not Allowed\r\n"))
            #expect(rejected.contains("Allow: GET, HEAD, PUT, DELETE\r\n"))
            let file = try TemporaryDirectory()
            let path = file.path("content")
            try Data(count: 3 << 20).write(to: URL(fileURLWithPath: path))
            let form = ["Expect: 100-continue", "Transfer-Encoding: chunked"]
            for field in form {
                let answer = try curl(["-H", field, "--data-binary", "@\(path)", url + "/post/x"])
                #expect(answer == "POST /post/x HTTP/1.1\n")
            }
        }

        @Test func `nginx serves files through the gate`() throws {
            let directory = try TemporaryDirectory()
            let nginx = try Nginx(in: directory)
            defer { nginx.stop() }
            let gate = try GateProcess(configuration(nginx.address, workers: 2))
            defer { end(gate) }
            let errors = inThreads(8) { _ in
                let client = try gate.connect()
                defer { client.close() }
                for _ in 0..<20 {
                    try client.send(request("GET", "/large"))
                    let answer = try client.readFinalAnswer()
                    guard answer.status == 200, answer.content.count == 300_000 else {
                        throw LaunchError("\(answer.startLine): \(answer.content.count)")
                    }
                }
            }
            #expect(errors.isEmpty, "\(errors.first.map { "\($0)" } ?? "")")
            let range = request("GET", "/large", "Range: bytes=10-19")
            #expect(try RawClient.exchange(gate.address, range).content.count == 10)
            let allow = try RawClient.exchange(gate.address, request("DELETE", "/large"))
            #expect(allow.status == 405)
            #expect(allow.value("Methodgate-Event") == nil)
        }
    }
}

/// Debian's nginx in the foreground, with a file of 300,000 bytes at `/large`.
private final class Nginx {
    let address: Address
    private let process: ChildProcess

    init(in directory: TemporaryDirectory) throws {
        address = .unix(directory.path("nginx.sock"))
        try Data(repeating: 0x61, count: 300_000)
            .write(to: URL(fileURLWithPath: directory.path("large")))
        chmod(directory.path, 0o755)
        let text = """
            daemon off;
            master_process off;
            pid \(directory.path("nginx.pid"));
            error_log \(directory.path("error.log"));
            events { worker_connections 256; }
            http {
              access_log off;
              client_body_temp_path \(directory.path("body"));
              proxy_temp_path \(directory.path("proxy"));
              fastcgi_temp_path \(directory.path("fastcgi"));
              uwsgi_temp_path \(directory.path("uwsgi"));
              scgi_temp_path \(directory.path("scgi"));
              server { listen \(address); root \(directory.path); }
            }
            """
        let file = directory.path("nginx.conf")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        process = try ChildProcess(
            "/usr/sbin/nginx", ["-c", file, "-e", directory.path("error.log")])
        let address = address
        guard eventually(within: 5, { (try? Socket.connect(to: address)) != nil }) else {
            process.stop(within: 0)
            throw LaunchError("nginx: \(process.standardError)")
        }
    }

    func stop() { process.stop() }
}
