import ArgumentParser
import Audit
import Configuration
import Glibc
import HTTPSyntax

// `methodgate log tail`: what the gate blocks, as it happens.

struct LogTailCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "Show the last records of a log, and those that come.",
        discussion: """
            Prints aligned lines on a terminal and the records themselves into a pipe. Goes on \
            with the new file when the log is rotated. Without FILE it shows the log that the \
            configuration names. For a log in the journal:

              journalctl -u methodgate -f -o json --all | methodgate log tail -

            A filter that is given several times takes any of its values; of several filters all \
            must take the record.
            """)

    @Argument(help: "A log; - is standard input.", completion: .file())
    var log: String?
    @OptionGroup var configuration: ConfigurationOption
    @Flag(help: "The access log of the configuration instead of the block log.")
    var access = false
    @Option(name: .customShort("n"), help: "How many records to begin with.")
    var last = 10
    @Flag(inversion: .prefixedNo, help: "Wait for more.")
    var follow = true
    @Flag(inversion: .prefixedNo, help: "Print records as JSON; the default in a pipe.")
    var json: Bool?
    @OptionGroup var filter: RecordFilter

    func validate() throws {
        guard last >= 0 else { throw ValidationError("-n takes a number that is not negative.") }
    }

    func run() throws {
        let path = try log ?? configuredPath()
        let isJSON = json ?? !Terminal.isOutputTerminal
        var printer = RecordPrinter(
            filter: filter, isJSON: isJSON, color: !isJSON && Terminal.outputColor)
        do throws(ReadingError) {
            var reader = try LineReader(path: path)
            if reader.isRegular { try printer.showLast(last, of: &reader, waits: follow) }
            while try printer.show(&reader, waits: follow && reader.isRegular) {
                guard follow, reader.isRegular else { return }
                usleep(Self.pause)
                try LogRotation.follow(&reader, with: &printer)
            }
        } catch {
            leave(error)
        }
    }

    /// Microseconds between two looks at a file.
    private static let pause: UInt32 = 200_000

    /// The file of the log that the configuration names.
    private func configuredPath() throws -> String {
        let settings = try configuration.load()
        guard let target = access ? settings.log.access : settings.log.blocks else {
            throw Self.refusal("\(configuration.path) has no access log")
        }
        let name = access ? "access" : "blocks"
        switch target.destination {
        case .file(let path): return path
        case .stdout:
            throw Self.refusal(
                "log.\(name) goes to standard output: give the file it is kept in, or as a "
                    + "service: journalctl -u methodgate -f -o cat | methodgate log tail -")
        case .journald:
            throw Self.refusal(
                "log.\(name) goes to the journal: journalctl -u methodgate -f -o json --all | "
                    + "methodgate log tail -")
        case .syslog, .syslogUDP:
            throw Self.refusal("log.\(name) goes to syslog: give the file it is kept in")
        }
    }

    private static func refusal(_ message: String) -> ExitCode {
        Terminal.err("methodgate: \(message)\n")
        return ExitCode(2)
    }
}

/// What becomes of a file that is watched.
private enum LogRotation {
    /// Goes to the file that stands at the path now, once it has something: until then what was
    /// there before may still be written to. A file that was cut is read from its beginning.
    static func follow(
        _ reader: inout LineReader, with printer: inout RecordPrinter
    ) throws(ReadingError) {
        if reader.size < reader.position {
            reader.seek(to: 0)
            return
        }
        guard reader.hasMoved, let next = try? LineReader(path: reader.path), next.size > 0 else {
            return
        }
        _ = try printer.show(&reader, waits: false)
        reader = next
    }
}

/// Which records are shown.
struct RecordFilter: ParsableArguments {
    @Option(help: "Only records of the rule with this id.")
    var rule: [String] = []
    @Option(help: "Only requests with this method, as it was sent.")
    var method: [String] = []
    @Option(help: "Only requests of this client, by its address or its proxy's.")
    var client: [String] = []
    @Option(help: "Only records with this event.action, such as method-blocked.")
    var action: [String] = []

    var isEmpty: Bool {
        rule.isEmpty && method.isEmpty && client.isEmpty && action.isEmpty
    }

    func takes(_ record: borrowing RecordReader) -> Bool {
        isIn(rule, record.text("rule.id"))
            && isIn(method, record.method, record.text("http.request.method"))
            && isIn(client, record.client, record.text("source.ip"))
            && isIn(action, record.text("event.action"))
    }

    private func isIn(_ wanted: [String], _ values: ByteView?...) -> Bool {
        if wanted.isEmpty { return true }
        return values.contains { value in
            guard let value else { return false }
            var text = ByteBuffer()
            text.append(decoding: value)
            return wanted.contains { $0.withView(text.view.equals) }
        }
    }
}
