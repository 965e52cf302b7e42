import ArgumentParser
import Audit

// `methodgate log`: the block log for people, for auditors and for other systems.

struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Read, verify or convert the block log.",
        discussion: """
            A FILE is a log as the gate writes it, what `journalctl -o json --all` prints, or \
            what a syslog daemon made of it; `-` is standard input. Rotated files are given in \
            the order of their age, the oldest first; compressed ones through a pipe:

              zcat blocks.jsonl.2.gz | methodgate log verify - blocks.jsonl.1 blocks.jsonl
            """,
        subcommands: [LogTailCommand.self, LogVerifyCommand.self, LogConvertCommand.self])
}

/// Files that are read one after another.
struct LogFiles: ParsableArguments {
    @Argument(
        help: ArgumentHelp("Logs, the oldest first; - is standard input.", valueName: "file"),
        completion: .file())
    var paths: [String]
}

/// Says what is wrong with a file and ends with status 2.
func leave(_ error: ReadingError) -> Never {
    Terminal.err("methodgate: \(error)\n")
    Exit.leave(2)
}
