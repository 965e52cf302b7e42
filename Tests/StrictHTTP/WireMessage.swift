// An HTTP/1 message as a test sees it: what stood on the wire, and what it means.

/// A field line: the name as written, the value without the white space around it.
public struct WireField: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    public var description: String { "\(name): \(value)" }
}

/// How the end of the content was found.
public enum WireFraming: String, Sendable {
    case none
    case length
    case chunked
    case close
}

public struct WireMessage: Sendable {
    public var startLine = ""
    public var fields: [WireField] = []
    public var framing = WireFraming.none
    public var content: Bytes = []
    public var trailers: [WireField] = []
    /// Bytes of the head with its empty line, and of the whole message.
    public var headLength = 0
    public var length = 0

    public init() {}

    /// The values of all field lines of that name, compared without case.
    public func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of the only field line of that name; nil when there is none or more than one.
    public func value(_ name: String) -> String? {
        let all = values(name)
        return all.count == 1 ? all[0] : nil
    }

    private var words: [String] {
        startLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
            .map(String.init)
    }

    public var method: String { words[0] }
    public var reason: String { words.count > 2 ? words[2] : "" }
    public var target: String { words.count > 1 ? words[1] : "" }
    /// The number in a status line; zero for a request.
    public var status: Int { words.count > 1 ? Int(words[1]) ?? 0 : 0 }
    /// The content as text, each byte a code point.
    public var text: String { String(latin1: content) }
    public var contentLength: Int? { value("Content-Length").flatMap(Int.init) }
}
