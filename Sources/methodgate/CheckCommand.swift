import ArgumentParser
import Configuration
import Digest
import HTTPSyntax
import Policy

// `methodgate check`: everything that is wrong with a configuration, for people and for scripts.

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without running it.",
        discussion: """
            Prints everything that is wrong with it, each with file, line and column. Opens no \
            socket. `methodgate -t` is the same.

            Exit status: 0 it loads; 1 it loads, and a certificate has expired or certainly lacks \
            one above it, which `run` only warns of; 2 it does not load, or --strict and there are \
            warnings.
            """,
        aliases: ["validate"])

    @OptionGroup var file: ConfigurationOption
    @Flag(help: "Print the result as JSON on standard output.")
    var json = false
    @Flag(help: "Fail for warnings, too.")
    var strict = false

    func run() throws {
        let result = ConfigurationLoader.load(path: file.path).asChecked
        if json {
            Terminal.out(report(result).pretty + "\n")
        } else {
            Terminal.err(result.rendered(color: Terminal.errorColor))
            Terminal.out(summary(result))
        }
        if result.settings == nil || (strict && !result.diagnostics.isEmpty) { throw ExitCode(2) }
        if result.errorCount > 0 { throw ExitCode(1) }
    }

    private func summary(_ result: LoadResult) -> String {
        guard let settings = result.settings else {
            return "\(file.path) does not load: \(count(result.errorCount, "error"))\n"
        }
        let (errors, all) = (result.errorCount, result.diagnostics.count)
        let rules = count(settings.policy.ruleCount, "rule")
        let backends = count(settings.backends.count, "backend")
        let findings = errors == 0 ? "" : ", with \(count(errors, "error"))"
        let notes = all == errors ? "" : ", \(count(all - errors, "warning"))"
        return "\(file.path) loads\(findings): \(rules) (defaults included), \(backends)\(notes); "
            + "policy \(Self.digest(settings))\n"
    }

    private func report(_ result: LoadResult) -> JSON {
        var members: [(String, JSON)] = [
            ("file", .string(file.path)), ("loads", .bool(result.settings != nil)),
            ("diagnostics", .array(result.diagnostics.map(\.json))),
        ]
        if let settings = result.settings {
            members.append(("files", .array(settings.files.map(JSON.string))))
            members.append(("rules", .number(settings.policy.ruleCount)))
            members.append(("policy_sha256", .string(Self.digest(settings))))
        }
        return .object(members)
    }

    static func digest(_ settings: Settings) -> String {
        var text = ByteBuffer()
        settings.policyDigest.append(hexTo: &text)
        return text.view.text
    }
}
