import Audit
import Configuration
import HTTPSyntax
import Policy

// An operator's template with an answer's values in it, each escaped for where it stands.

extension Representation {
    /// The template that a rule has chosen for this form, if any.
    func template(_ choice: TemplateChoice) -> Int32? {
        switch self {
        case .problem: choice.json
        case .html: choice.html
        case .text: choice.text
        case .trailersOnly: nil
        }
    }
}

extension Answer {
    /// Appends the template's text with this answer's values.
    func fill(_ template: BodyTemplate, to body: inout ByteBuffer) {
        var index = 0
        while index < template.pieces.count {
            switch template.pieces[index] {
            case .text(let offset, let count): body.append(template.bytes(offset, count))
            case .value(let value): append(value, template.form, to: &body)
            case .section(let value, let isThere, let end):
                if has(value) != isThere {
                    index = end
                    continue
                }
            }
            index += 1
        }
    }

    private func has(_ value: TemplateValue) -> Bool {
        switch value {
        case .status, .title, .detail: true
        case .allowed, .allowedJSON: allow != nil
        case .eventID: eventID != nil
        case .method: !method.isEmpty
        case .rule: !rule.isEmpty
        case .hint: !hint.isEmpty
        case .host: !host.isEmpty
        case .path: !path.isEmpty
        }
    }

    private func append(_ value: TemplateValue, _ form: TemplateForm, to body: inout ByteBuffer) {
        switch value {
        case .status: body.append(decimal: UInt64(status))
        case .title: body.append(Self.title(status))
        case .detail: body.append(detail, escapedFor: form)
        case .allowed: body.append(allow ?? .empty, escapedFor: form)
        case .allowedJSON: if allow == nil { body.append("null") } else { body.append(allowJSON) }
        case .eventID: if let eventID { eventID.append(to: &body) }
        case .method: body.append(method, escapedFor: form)
        case .rule: body.append(rule, escapedFor: form)
        case .hint: body.append(hint, escapedFor: form)
        case .host: body.append(host, escapedFor: form)
        case .path: body.append(path, escapedFor: form)
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func append(_ text: ByteView, escapedFor form: TemplateForm) {
        switch form {
        case .html: append(escapedForHTML: text)
        case .json: append(escapedForJSON: text)
        case .text: append(printable: text)
        }
    }
}
