// How a value is read: its shape for people and schemas, and the function from a node to a Swift
// value. Plain scalars get their type from here and nowhere else, so `405` is a number only where
// a number is asked for and `yes` is never a boolean.

/// What is wrong with one value, before it is known where it stands.
struct Complaint: Error {
    var message: String
    /// Nil: what the shape accepts.
    var accepted: String?
    var suggestion: String?
    /// It may be gone at the next load.
    var isTransient = false

    init(_ message: String, accepted: String? = nil, suggestion: String? = nil) {
        self.message = message
        self.accepted = accepted
        self.suggestion = suggestion
    }
}

/// A scalar as written.
struct Scalar {
    var text: String
    /// Without quotes.
    var isPlain: Bool

    var quoted: String { Printable.quoted(text) }
}

/// A way to read values of one type.
struct Kind<Value: Sendable>: Sendable {
    let shape: Shape
    /// Reports to the decoder and returns nil where the node is wrong.
    let read: @Sendable (Node, Decoder) -> Value?
    /// Reads a default as written in a table; nil for what has none.
    var readText: (@Sendable (String) -> Value?)?

    init(_ shape: Shape, read: @escaping @Sendable (Node, Decoder) -> Value?) {
        self.shape = shape
        self.read = read
    }

    /// A value that is one scalar.
    init(_ shape: Shape, parse: @escaping @Sendable (Scalar) throws(Complaint) -> Value) {
        self.shape = shape
        read = { node, decoder in
            guard let scalar = decoder.scalar(node, shape) else { return nil }
            do throws(Complaint) {
                return try parse(scalar)
            } catch {
                decoder.report(node, error, shape)
                return nil
            }
        }
        readText = { text in try? parse(Scalar(text: text, isPlain: true)) }
    }
}

extension Kind<Bool> {
    static var boolean: Self {
        Kind(.boolean) { (scalar: Scalar) throws(Complaint) -> Bool in
            switch scalar.text {
            case "true" where scalar.isPlain: return true
            case "false" where scalar.isPlain: return false
            default: throw Complaint("\(scalar.quoted) is not a boolean", suggestion: meant(scalar))
            }
        }
    }

    private static func meant(_ scalar: Scalar) -> String? {
        switch scalar.text.lowercased() {
        case "true", "yes", "on", "y": "true"
        case "false", "no", "off", "n": "false"
        default: nil
        }
    }
}

extension Kind<Int> {
    static func integer(_ range: ClosedRange<Int>) -> Self {
        Kind(.integer(range)) { (scalar: Scalar) throws(Complaint) -> Int in
            guard scalar.isPlain, let value = Int(scalar.text), String(value) == scalar.text else {
                let isQuoted = !scalar.isPlain && Int(scalar.text) != nil
                throw Complaint(
                    "\(scalar.quoted) is not a number", suggestion: isQuoted ? scalar.text : nil)
            }
            return try within(range, value, scalar)
        }
    }

    static func duration(_ range: ClosedRange<Int>) -> Self {
        Kind(.duration(range)) { (scalar: Scalar) throws(Complaint) -> Int in
            guard let value = Duration.parse(scalar.text) else {
                throw Complaint(
                    "\(scalar.quoted) is not a duration",
                    suggestion: Duration.suggestion(for: scalar.text))
            }
            return try within(range, value, scalar)
        }
    }

    static func size(_ range: ClosedRange<Int>) -> Self {
        Kind(.size(range)) { (scalar: Scalar) throws(Complaint) -> Int in
            guard let value = Size.parse(scalar.text) else {
                throw Complaint(
                    "\(scalar.quoted) is not a size", suggestion: Size.suggestion(for: scalar.text))
            }
            return try within(range, value, scalar)
        }
    }

    private static func within(
        _ range: ClosedRange<Int>, _ value: Int, _ scalar: Scalar
    ) throws(Complaint) -> Int {
        if value < range.lowerBound { throw Complaint("\(scalar.text) is too small") }
        if value > range.upperBound { throw Complaint("\(scalar.text) is too large") }
        return value
    }

    /// The same value, or nil for a word such as `none`.
    fileprivate func or(_ word: String) -> Kind<Int?> {
        let shape = Shape.either([shape, .words([word])])
        let inner = self
        var kind = Kind<Int?>(shape) { (node: Node, decoder: Decoder) -> Int?? in
            if node.hasText(word) { return .some(nil) }
            let mark = decoder.diagnostics.count
            let value = inner.read(node, decoder)
            decoder.amend(from: mark, accepted: shape.accepted)
            return value.map { .some($0) } ?? .none
        }
        kind.readText = { text in
            text == word ? .some(nil) : inner.readText?(text).map { .some($0) }
        }
        return kind
    }
}

extension Kind<Int?> {
    static func integer(_ range: ClosedRange<Int>, or word: String) -> Self {
        Kind<Int>.integer(range).or(word)
    }

    static func size(_ range: ClosedRange<Int>, or word: String) -> Self {
        Kind<Int>.size(range).or(word)
    }
}

extension Kind {
    /// One of a few words.
    static func words(_ choices: [(String, Value)]) -> Kind {
        let names = choices.map(\.0)
        return Kind(.words(names)) { (scalar: Scalar) throws(Complaint) -> Value in
            let isNumber = Int(scalar.text) != nil
            if let choice = choices.first(where: { $0.0 == scalar.text }) {
                // A version is one in quotes, too; 405 is a number.
                if scalar.isPlain || Int(choice.0) == nil { return choice.1 }
                throw Complaint("\(scalar.quoted) is text", suggestion: scalar.text)
            }
            throw Complaint(
                "\(scalar.quoted) is not accepted",
                suggestion: isNumber
                    ? nil : Suggestion.nearest(to: scalar.text, among: names))
        }
    }
}
