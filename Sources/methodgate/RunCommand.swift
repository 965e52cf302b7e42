import ArgumentParser
import Configuration

// `methodgate run`: the daemon.

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the gate in the foreground.",
        discussion: """
            Prints one line a listener on standard error once it accepts.

            Signals: HUP loads the configuration again (a broken one changes nothing), USR1 \
            opens the log files again, TERM and INT finish what runs and end.
            """)

    @OptionGroup var file: ConfigurationOption

    func run() throws {
        let service = Service(path: file.path, settings: try file.loadOnceNamesResolve())
        throw ExitCode(service.run())
    }
}
