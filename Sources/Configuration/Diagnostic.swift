// What a load has to say: one finding with its place, what is wrong, what would be accepted. The
// text for people and the JSON for machines are made from the same value, in other files.

/// One finding about a configuration.
package struct Diagnostic: Error, Equatable, Sendable {
    /// An error keeps a configuration from loading, a warning does not.
    package enum Severity: String, Sendable {
        case error
        case warning
    }

    /// Another place that belongs to the finding: the first of two, the other pattern.
    package struct Related: Equatable, Sendable {
        package var place: SourcePlace
        /// What stands there: "the first stands here".
        package var message: String
    }

    package var severity = Severity.error
    package var place: SourcePlace
    /// The key, with its way from the top (`log.blocks.to`, `listen[0].address`); empty where the
    /// finding is about a whole file.
    package var key: String
    /// What is wrong.
    package var message: String
    /// What would be accepted.
    package var accepted: String?
    /// What was probably meant.
    package var suggestion: String?
    package var related: [Related] = []
    /// It may be gone at the next load, without anybody changing a file.
    package var isTransient = false
    /// A warning that `check` calls an error: what is set up does not work, and yet a start on that
    /// day is better than none.
    package var isFinding = false

    package var file: String { place.file }
    /// From 1; 0 where the finding is about a whole file.
    package var line: Int { place.line }
    /// In characters, from 1; 0 where the finding is about a whole file.
    package var column: Int { place.column }
    package var sourceLine: String? { place.sourceLine }
}

/// A place in a file, with the line that stands there.
package struct SourcePlace: Equatable, Sendable {
    package var file: String
    /// From 1; 0: the file as a whole.
    package var line: Int
    /// In characters (code points), from 1.
    package var column: Int
    package var sourceLine: String?

    /// `line` and `column` count from 1; 0: unknown.
    package init(file: String, line: Int = 0, column: Int = 0, sourceLine: String? = nil) {
        self.file = file
        self.line = line
        self.column = column
        self.sourceLine = sourceLine
    }

    /// `file:line:column`, or `file`.
    package var text: String { line == 0 ? file : "\(file):\(line):\(column)" }
}
