import ArgumentParser
import Configuration

/// `-c FILE`, the same for every command that reads a configuration.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var path = "/etc/methodgate/methodgate.yaml"

    /// Loads it; prints all that is wrong and ends with status 2 where it does not load.
    func load() throws -> Settings {
        let result = ConfigurationLoader.load(path: path)
        if !result.diagnostics.isEmpty {
            Terminal.err(result.rendered(color: Terminal.errorColor))
        }
        guard let settings = result.settings else {
            Terminal.err("\(path) does not load: \(count(result.errorCount, "error"))\n")
            throw ExitCode(2)
        }
        return settings
    }
}

/// `1 error`, `2 errors`.
func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
}
