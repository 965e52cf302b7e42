import ArgumentParser
import Configuration
import Glibc

/// `-c FILE`, the same for every command that reads a configuration.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration file.", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var path = "/etc/methodgate/methodgate.yaml"

    /// Loads it; prints all that is wrong and ends with status 2 where it does not load.
    func load() throws -> Settings { try settings(of: ConfigurationLoader.load(path: path)) }

    /// Like `load`; where nothing is wrong but that no name server answers, as at boot, again each
    /// second for a while, then status 75 (EX_TEMPFAIL of sysexits.h): the service manager is to
    /// try anew.
    func loadOnceNamesResolve() throws -> Settings {
        let end = ContinuousClock.now + .seconds(Self.patience)
        var isFirst = true
        while true {
            let result = ConfigurationLoader.load(path: path)
            guard result.mayLoadLater else { return try settings(of: result) }
            if isFirst {
                Terminal.err(result.rendered(color: Terminal.errorColor))
                Terminal.err("waiting for the name servers\n")
            }
            isFirst = false
            guard ContinuousClock.now < end else {
                Terminal.err("\(path) does not load: \(count(result.errorCount, "error"))\n")
                throw ExitCode(75)
            }
            sleep(1)
        }
    }

    /// Seconds; with one more lookup still within the unit's TimeoutStartSec.
    private static let patience = 30

    private func settings(of result: LoadResult) throws -> Settings {
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
