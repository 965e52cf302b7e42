// What stands in the place of the gate's own text in its answers: a file of the operator's, read
// and taken to pieces when the configuration is loaded, so that an answer only copies them.

package import HTTPSyntax

/// The forms of an answer that a template can be for.
package enum TemplateForm: String, CaseIterable, Sendable {
    case html
    case json
    case text
}

/// What a template can name.
package enum TemplateValue: UInt8, CaseIterable, Sendable, BitwiseCopyable {
    case status
    case title
    case detail
    case method
    case allowed
    /// The same as a JSON array; `null` where nothing is known of it.
    case allowedJSON
    case eventID
    case rule
    case hint
    case host
    case path

    /// As it is written in a template.
    var name: String {
        switch self {
        case .status: "status"
        case .title: "title"
        case .detail: "detail"
        case .method: "method"
        case .allowed: "allowed"
        case .allowedJSON: "allowed_json"
        case .eventID: "event_id"
        case .rule: "rule"
        case .hint: "hint"
        case .host: "host"
        case .path: "path"
        }
    }

    /// Whether every answer has it.
    var isAlwaysThere: Bool {
        switch self {
        case .status, .title, .detail: true
        default: false
        }
    }

    /// Whether some of it may be the client's own words.
    var isFromClient: Bool {
        switch self {
        case .detail, .method, .hint, .host, .path: true
        default: false
        }
    }
}

/// One template, taken to pieces. Immutable.
package final class BodyTemplate: @unchecked Sendable {
    package enum Piece: Sendable, BitwiseCopyable {
        /// Bytes of `text`.
        case text(offset: Int, count: Int)
        case value(TemplateValue)
        /// The pieces up to the number `end` are for answers that have the value, or that lack it.
        case section(TemplateValue, isThere: Bool, end: Int)
    }

    package let form: TemplateForm
    package let pieces: [Piece]
    /// Whether it names what only one request has.
    package let namesTarget: Bool
    private let text: ByteBuffer

    init(form: TemplateForm, pieces: [Piece], text: [UInt8]) {
        self.form = form
        self.pieces = pieces
        namesTarget = pieces.contains { piece in
            switch piece {
            case .value(.host), .value(.path), .section(.host, _, _), .section(.path, _, _): true
            default: false
            }
        }
        var buffer = ByteBuffer(capacity: text.count)
        text.withView { buffer.append($0) }
        self.text = buffer
    }

    /// Lives as long as the template.
    package func bytes(_ offset: Int, _ count: Int) -> ByteView { text.view.slice(offset, count) }
}

/// Which statuses a template is for.
package struct StatusRange: Hashable, Sendable {
    let first: UInt16
    let last: UInt16

    static let all = StatusRange(first: 400, last: 599)

    var width: UInt16 { last - first }

    func contains(_ status: UInt16) -> Bool { first <= status && status <= last }

    /// Those the gate answers with, besides what only 2xx stands for.
    static let known: [UInt16] = [
        400, 403, 404, 405, 408, 413, 414, 417, 421, 431, 501, 502, 503, 504, 505,
    ]

    /// Nil for what is neither `405` nor `4xx` or `5xx`.
    init?(_ text: String) {
        switch text {
        case "4xx": self.init(first: 400, last: 499)
        case "5xx": self.init(first: 500, last: 599)
        default:
            guard let status = UInt16(text), Self.known.contains(status), text.utf8.count == 3
            else { return nil }
            self.init(first: status, last: status)
        }
    }

    private init(first: UInt16, last: UInt16) {
        self.first = first
        self.last = last
    }
}

/// All templates of a configuration. Immutable; shared by all workers.
package final class TemplateBook: Sendable {
    /// One value of a key: templates by status, the narrower ranges first.
    struct Entry: Sendable {
        var templates: [(StatusRange, BodyTemplate)]
    }

    private let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    /// The template for an answer; `number` is from a `TemplateChoice`.
    package func template(_ number: Int32, status: UInt16) -> BodyTemplate? {
        guard entries.indices.contains(Int(number)) else { return nil }
        return entries[Int(number)].templates.first { $0.0.contains(status) }?.1
    }
}
