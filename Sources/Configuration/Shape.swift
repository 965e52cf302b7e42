// What a value may look like, as data: messages say it, the schema publishes it, the reference
// in docs/ prints it. What a value then means is the business of `Kind`.

/// The form of a value.
indirect enum Shape: Sendable {
    /// `example` stands for what is accepted; `pattern` is an ECMA-262 regular expression.
    case text(example: String, pattern: String? = nil)
    case boolean
    case integer(ClosedRange<Int>)
    /// In milliseconds.
    case duration(ClosedRange<Int>)
    /// In bytes.
    case size(ClosedRange<Int>)
    /// One of a few words; those of digits only are written as numbers.
    case words([String])
    /// Method names, or the word `any`.
    case methods
    case either([Shape])
    case list(Shape, atLeast: Int)
    /// A mapping with free keys; `key` says what the keys are.
    case map(key: String, Shape, atLeast: Int)
    case section(SectionInfo)

    /// What is accepted, for a message.
    var accepted: String {
        switch self {
        case .text(let example, _): example
        case .boolean: "true, false"
        case .integer(let range):
            "a number from \(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "a duration from \(Duration.text(range.lowerBound)) to "
                + "\(Duration.text(range.upperBound)), such as 500ms, 10s, 5m"
        case .size(let range):
            "a size from \(Size.text(range.lowerBound)) to \(Size.text(range.upperBound)), "
                + "such as 8KiB, 1MiB"
        case .words(let words): words.joined(separator: ", ")
        case .methods: "a list of methods such as [GET, HEAD], or any"
        case .either(let shapes): shapes.map(\.accepted).joined(separator: ", or ")
        case .list(let item, _): "a list of " + item.noun
        case .map(let key, let value, _): "a mapping of \(key) to \(value.noun)"
        case .section(let info): "a mapping with " + info.acceptedKeys
        }
    }

    /// What an item of a list is called in the plural, or a value of a map.
    private var noun: String {
        switch self {
        case .text(let example, _): example
        case .section(let info): info.title
        default: accepted
        }
    }
}

/// What messages, schema and reference need to know of a section.
struct SectionInfo: Sendable {
    /// "a listener": what one such mapping is.
    let title: String
    /// Its name among the schema's definitions.
    let name: String
    let keys: [KeyInfo]

    /// The keys that this version takes.
    var acceptedKeys: String {
        keys.filter { !$0.isRefused }.map(\.name).joined(separator: ", ")
    }
}

/// What messages, schema and reference need to know of a key.
struct KeyInfo: Sendable {
    let name: String
    let shape: Shape
    /// The default, as one would write it.
    var standard: String?
    /// The default in words, where it cannot be written.
    var standardText: String?
    /// One sentence for the reference and for editors.
    let summary: String
    var isRequired = false
    /// Set for a key that is refused here, because its feature comes with a later version or it
    /// belongs in another file.
    var isRefused = false
    /// Refused here for good: it belongs in another place.
    var isMisplaced = false
}
