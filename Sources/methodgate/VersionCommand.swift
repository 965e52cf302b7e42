import ArgumentParser
import Configuration

// `methodgate version`.

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version.")

    @Flag(help: "Print it as JSON.")
    var json = false

    func run() {
        guard json else {
            Terminal.out("methodgate \(Version.text)\n")
            return
        }
        let report = JSON.object([
            ("name", .string("methodgate")), ("version", .string(Version.text)),
        ])
        Terminal.out(report.compact + "\n")
    }
}
