import ArgumentParser
import HTTPSyntax
import Transport

// `methodgate reload` and `methodgate status`: a running gate asked over its control socket.

/// Where the control socket is.
struct ControlOption: ParsableArguments {
    @Option(
        help: ArgumentHelp("The gate's control socket.", valueName: "path"), completion: .file())
    var control = "/run/methodgate/control.sock"

    /// Asks; ends with status 2 where no gate answers.
    func ask(_ method: String, _ path: String) throws -> ControlClient.Answer {
        guard let address = SocketAddress.unix(control) else {
            Terminal.err("methodgate: \(control) is too long for a socket\n")
            throw ExitCode(2)
        }
        return try Self.ask(method, path, at: address)
    }

    static func ask(
        _ method: String, _ path: String, at address: SocketAddress
    ) throws -> ControlClient.Answer {
        do throws(ControlError) { return try ControlClient.ask(method, path, at: address) } catch {
            Terminal.err("methodgate: \(error)\n")
            throw ExitCode(2)
        }
    }
}

extension SocketAddress {
    /// `127.0.0.1:80`, `[::1]:80` or `unix:/path`.
    init?(text: String) {
        if text.hasPrefix("unix:") {
            guard let made = SocketAddress.unix(String(text.dropFirst(5))) else { return nil }
            self = made
            return
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        let made =
            isBracketed
            ? SocketAddress.ipv6(String(host.dropFirst().dropLast()), port: port)
            : SocketAddress.ipv4(String(host), port: port)
        guard let made else { return nil }
        self = made
    }
}

struct ReloadCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have a running gate load its configuration again.",
        discussion: """
            Waits for the result. A configuration that does not load changes nothing, and all \
            that is wrong with it is printed.

            Exit status: 0 it is in force, 1 it does not load, 2 no gate answers.
            """)

    @OptionGroup var socket: ControlOption
    @Flag(help: "Print the state after the reload as JSON.")
    var json = false

    func run() throws {
        let answer = try socket.ask("POST", "/reload")
        guard answer.status == 200 else {
            Terminal.err(answer.content)
            Terminal.err("not reloaded; the old configuration stays in force\n")
            throw ExitCode(1)
        }
        Terminal.out(json ? answer.content : "reloaded\n")
    }
}

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Say how a running gate is.",
        discussion: """
            Prints JSON. With --ready it prints nothing and only asks whether traffic may be \
            sent: for the health check of a container.

            Exit status: 0 it serves, 1 it is draining (with --ready), 2 no gate answers.
            """)

    @OptionGroup var socket: ControlOption
    @Flag(help: "Only the exit status.")
    var ready = false
    @Option(
        help: ArgumentHelp(
            "With --ready: ask the admin endpoint there instead.", valueName: "address"))
    var admin: String?

    func validate() throws {
        guard let admin else { return }
        guard ready else { throw ValidationError("--admin answers --ready only.") }
        guard SocketAddress(text: admin) != nil else {
            throw ValidationError("'\(admin)' is no address with a port.")
        }
    }

    func run() throws {
        let path = ready ? "/readyz" : "/status"
        let address = admin.flatMap { SocketAddress(text: $0) }
        let answer =
            try address.map { try ControlOption.ask("GET", path, at: $0) }
            ?? socket.ask("GET", path)
        if !ready { Terminal.out(answer.content) }
        if answer.status != 200 { throw ExitCode(1) }
    }
}
