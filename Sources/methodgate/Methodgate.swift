import ArgumentParser

// The command line: one file a subcommand. Exit statuses: 0 fine, 1 a finding, 2 usage or
// configuration.

@main
struct Methodgate: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "methodgate",
        abstract: "A reverse proxy that filters HTTP methods by path.",
        discussion: """
            It forwards what the allowlists of its configuration allow, answers the rest with \
            405 and a truthful Allow, and writes an audit record for each block.

            Start here:  methodgate demo
            Then:        methodgate check -c methodgate.yaml
                         methodgate explain DELETE /api/items -c methodgate.yaml
                         methodgate run -c methodgate.yaml

            Exit status: 0 fine, 1 a finding, 2 usage or configuration.
            """,
        version: Version.text,
        subcommands: [
            RunCommand.self, CheckCommand.self, ExplainCommand.self, ReloadCommand.self,
            StatusCommand.self, LogCommand.self, SchemaCommand.self, DemoCommand.self,
            VersionCommand.self,
        ])

    /// `methodgate -t` is what a hand trained on nginx types.
    static func main() {
        var arguments = Array(CommandLine.arguments.dropFirst())
        if arguments.first?.hasPrefix("-") == true,
            let place = arguments.firstIndex(of: "-t")
        {
            arguments.remove(at: place)
            arguments.insert("check", at: 0)
        }
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
        } catch {
            let message = fullMessage(for: error)
            let isClean = exitCode(for: error) == .success
            if let code = error as? ExitCode { Exit.leave(code.rawValue) }
            if !message.isEmpty {
                isClean ? Terminal.out(message + "\n") : Terminal.err(message + "\n")
            }
            Exit.leave(isClean ? 0 : 2)
        }
    }
}
