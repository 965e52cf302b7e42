import ArgumentParser
import Audit
import HTTPSyntax

// `methodgate log convert`: records for systems that read something else.

struct LogConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Print the records of a log in another format.",
        discussion: """
            cef       ArcSight's Common Event Format, version 0
            ocsf      OCSF 1.7.0, HTTP Activity (4002), one JSON object a line
            fail2ban  time, client, and why; config/fail2ban has the filter

            Lines about the gate itself have no place in ocsf and fail2ban, which bans nobody for \
            what has passed: they are left out. Reads as it comes, so that it may stand in a pipe:

              tail -F blocks.jsonl | methodgate log convert --to cef -

            Exit status: 0 fine, 1 a line is no record, 2 usage, or a file that cannot be read.
            """)

    @Option(help: "What to print: cef, ocsf or fail2ban.")
    var to: RecordFormat
    @OptionGroup var files: LogFiles

    func run() throws {
        var conversion = Conversion(to: to)
        for path in files.paths {
            do throws(ReadingError) {
                try conversion.read(path)
            } catch {
                conversion.flush()
                leave(error)
            }
        }
        conversion.flush()
        if conversion.faults > 0 {
            Terminal.err("methodgate: \(count(conversion.faults, "line")) without a record\n")
            throw ExitCode(1)
        }
    }
}

extension RecordFormat: ExpressibleByArgument {}

/// A conversion on its way.
private struct Conversion: ~Copyable {
    private var converter: RecordConverter
    private var finder = RecordFinder()
    private var output = ByteBuffer()
    /// Lines that held no record.
    private(set) var faults = 0

    private static let batch = 256 << 10
    /// Faults that are told with their places.
    private static let told = 10

    init(to format: RecordFormat) { converter = RecordConverter(to: format) }

    mutating func read(_ path: String) throws(ReadingError) {
        var reader = try LineReader(path: path)
        var number = 0
        while true {
            // What is ready goes out before anybody waits for more.
            if output.count > Self.batch || !reader.hasWholeLine() { flush() }
            guard let line = try reader.next() else { return }
            number += 1
            guard !line.isTooLong, case .record(let record) = finder.find(in: line.bytes) else {
                continue
            }
            do throws(RecordFault) {
                _ = try converter.convert(record, to: &output)
            } catch {
                tell("\(path):\(number): the line is no record")
            }
        }
    }

    private mutating func tell(_ message: String) {
        faults += 1
        if faults <= Self.told { Terminal.err(message + "\n") }
    }

    mutating func flush() {
        Terminal.out(output.view)
        output.removeAll()
    }
}
