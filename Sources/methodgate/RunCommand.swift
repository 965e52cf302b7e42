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

            Exit status: 0 it ended in order; 74 so it did, but a log took nothing to the end, and \
            the last lines say how many records that cost; 2 it could not start; 75 no name server \
            answered at the start; 70 something in it failed.
            """)

    @OptionGroup var file: ConfigurationOption

    func run() throws {
        let service = Service(path: file.path, settings: try file.loadOnceNamesResolve())
        throw ExitCode(service.run())
    }
}
