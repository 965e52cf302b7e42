import ArgumentParser
import Configuration
import Gateway
import Glibc
import Memory
import TLS
import Transport

// `methodgate demo`: a gate and a backend in one process, so that a first try needs nothing else.

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the gate in front of a demo backend, and say what to try.",
        discussion: """
            The backend is part of this program: it listens where the configuration's first \
            backend is and answers every request with what it was sent. Besides its listeners \
            there is one for HTTPS, with a certificate that is made at the start. Ctrl-C ends \
            all of it.

            Without --config the configuration is config/demo.yaml here, the one that a package \
            installed, or else the one that is built in: --show prints that.
            """)

    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration of the demo.", valueName: "file"))
    var file: String?
    @Flag(help: "Print the built-in configuration instead.")
    var show = false

    /// Where the source tree or a package keeps it; nil where it is nowhere.
    private static var installed: String? {
        let places = [
            "config/demo.yaml", "/usr/local/share/doc/methodgate/demo.yaml",
            "/usr/share/doc/methodgate/demo.yaml",
        ]
        return places.first { unsafe access($0, R_OK) == 0 }
    }

    func run() throws {
        guard !show else {
            Terminal.out(DemoConfiguration.text)
            return
        }
        let path = file ?? Self.installed ?? DemoConfiguration.name
        let surroundings = DemoConfiguration.surroundings
        let result = ConfigurationLoader.load(path: path, in: surroundings)
        if !result.diagnostics.isEmpty { Terminal.err(result.rendered(color: Terminal.errorColor)) }
        guard let settings = result.settings else { throw ExitCode(2) }
        let backend = settings.backends[0].address
        let listener: Listener
        do throws(ListenError) {
            guard let address = SocketAddress(backend) else {
                throw ListenError.noAddress(backend.text)
            }
            listener = try Listener.bind(address, workers: 1)[0]
        } catch {
            Terminal.err("methodgate: the demo backend \(error.message)\n")
            throw ExitCode(2)
        }
        let server = Thread(name: "demo-backend") { DemoBackend.serve(listener) }
        guard server != nil else { throw ExitCode(2) }
        Terminal.err("demo backend on \(backend.text)\n")
        let secure = Listen(address: .ipv4(host: "127.0.0.1", port: 0), tls: try Self.selfSigned())
        let service = Service(path: path, settings: settings, in: surroundings) {
            $0.listening(also: secure)
        }
        service.whenReady = { addresses in
            Terminal.err(
                Self.lines(addresses.first ?? "127.0.0.1:8080", addresses.last ?? "", path))
        }
        throw ExitCode(service.run())
    }

    /// TLS with a certificate that nobody has signed, for a browser on this machine.
    private static func selfSigned() throws -> ListenTLS {
        let made = try SelfSigned(
            commonName: "methodgate demo", names: ["DNS:localhost", "IP:127.0.0.1"])
        let identity = try TLSIdentity(chain: made.certificate, key: made.key)
        let entry = TLSServerEntry(names: identity.names, identities: [identity])
        return ListenTLS(
            context: try TLSServerContext(
                [entry], TLSOptions(), protocols: ListenTLS.protocols(http2: true)))
    }

    private static func whereRulesAre(_ path: String) -> String {
        path == DemoConfiguration.name
            ? "For rules of your own: methodgate demo --show > demo.yaml; methodgate demo -c demo.yaml"
            : "The rules are in \(path); after an edit: kill -HUP \(Machine.processID)"
    }

    private static func lines(_ address: String, _ secure: String, _ path: String) -> String {
        """

        Try, in another terminal:

          # allowed: forwarded to the backend, which says what it got
          curl -i http://\(address)/api/items

          # blocked: 405 with a truthful Allow, and one record in the log here
          curl -i -X DELETE http://\(address)/api/items

          # a CORS preflight for a method the path does not allow: blocked, too
          curl -i -X OPTIONS -H 'Origin: https://app.example' \\
               -H 'Access-Control-Request-Method: DELETE' http://\(address)/api/items

          # the same over TLS; -k, since nobody has signed the certificate
          curl -ik https://\(secure)/api/items

        \(whereRulesAre(path))
        Block records follow here, one line each. Ctrl-C ends the demo.


        """
    }
}
