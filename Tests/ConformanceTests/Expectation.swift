// What a case demands of an answer or a record, and the list of what is wrong when it is not met.

import Foundation
import TestSupport

/// Lines that each demand something of a named value.
struct FieldExpectations: Sendable {
    enum Demand: Sendable {
        case equal(String)
        case contains(String)
        case lacks(String)
        case present
        case absent
    }

    var demands: [(key: String, demand: Demand)] = []

    /// Reads `key = value`, `key ~ part`, `key !~ part`, `+ key` and `- key`.
    init(_ lines: [String]) throws {
        for line in lines where !line.isEmpty && !line.hasPrefix("#") {
            if line.hasPrefix("+ ") {
                demands.append((String(line.dropFirst(2)), .present))
            } else if line.hasPrefix("- ") {
                demands.append((String(line.dropFirst(2)), .absent))
            } else if line.hasSuffix(" =") {
                demands.append((String(line.dropLast(2)), .equal("")))
            } else if let (key, value) = Self.cut(line, at: " = ") {
                demands.append((key, .equal(value)))
            } else if let (key, value) = Self.cut(line, at: " !~ ") {
                demands.append((key, .lacks(value)))
            } else if let (key, value) = Self.cut(line, at: " ~ ") {
                demands.append((key, .contains(value)))
            } else {
                throw CaseError(description: "cannot read: \(line)")
            }
        }
    }

    static func cut(_ line: String, at separator: String) -> (String, String)? {
        guard let range = line.range(of: separator) else { return nil }
        return (String(line[..<range.lowerBound]), String(line[range.upperBound...]))
    }

    func demandAbsence(of name: String) -> Bool {
        demands.contains { key, demand in
            if case .absent = demand { return key == name }
            return false
        }
    }

    /// What is wrong; `value` gives the text form of each key, nil where it is missing.
    func problems(
        where isAsked: (String) -> Bool = { _ in true }, _ value: (String) -> String?
    ) -> [String] {
        demands.compactMap { key, demand in
            guard isAsked(key) else { return nil }
            let found = value(key)
            let shown = found.map { "is \($0)" } ?? "is missing"
            switch demand {
            case .equal(let text): return found == text ? nil : "\(key) \(shown), not \(text)"
            case .contains(let text):
                return found?.contains(text) == true ? nil : "\(key) \(shown), without \(text)"
            case .lacks(let text):
                return found?.contains(text) == true ? "\(key) \(shown), with \(text)" : nil
            case .present: return found == nil ? "\(key) is missing" : nil
            case .absent: return found == nil ? nil : "\(key) \(shown), not absent"
            }
        }
    }
}

/// An answer that the client must get, or the end without one.
struct ReplyExpectation: Sendable {
    /// nil where the connection must end instead.
    let status: Int?
    let method: String
    let expectations: FieldExpectations

    /// Reads `=== reply STATUS [to METHOD]` or `=== reply none`, and the demands below it.
    init(_ section: Section) throws {
        guard let word = section.words.first, word == "none" || Int(word) != nil else {
            throw CaseError(description: "reply takes a status or none")
        }
        status = Int(word)
        let hasMethod = section.words.count == 3 && section.words[1] == "to"
        guard section.words.count == 1 || hasMethod else {
            throw CaseError(description: "reply STATUS to METHOD")
        }
        method = hasMethod ? section.words[2] : "GET"
        expectations = try FieldExpectations(section.lines)
    }

    /// How HTTP/1.1 writes an answer, which HTTP/2 does in another way.
    private static let ofHTTP1: Set<String> = [
        "framing", "reason", "connection", "transfer-encoding", "keep-alive",
    ]

    func problems(in answer: WireMessage, isHTTP2: Bool = false) -> [String] {
        let isAsked = { (key: String) in !isHTTP2 || !Self.ofHTTP1.contains(key.lowercased()) }
        var problems = expectations.problems(where: isAsked) { Self.value($0, in: answer) }
        if answer.status != status {
            problems.insert("status \(answer.status), not \(status ?? 0)", at: 0)
        }
        return problems
    }

    /// A field of the answer, or `body`, `framing`, `reason`, `json.MEMBER`, `trailer.NAME`.
    private static func value(_ key: String, in answer: WireMessage) -> String? {
        switch key {
        case "body": return Escapes.escape(answer.content).replacing("\\n\n", with: "\\n")
        case "framing": return answer.framing.rawValue
        case "reason": return answer.reason
        default: break
        }
        if key.hasPrefix("json.") {
            let object = try? JSONSerialization.jsonObject(with: Data(answer.content))
            return (object as? [String: Any])?[String(key.dropFirst(5))].map(JSONText.of)
        }
        if key.hasPrefix("trailer.") {
            let name = key.dropFirst(8).lowercased()
            let found = answer.trailers.filter { $0.name.lowercased() == name }.map(\.value)
            return found.isEmpty ? nil : found.joined(separator: " | ")
        }
        let found = answer.values(key)
        return found.isEmpty ? nil : found.joined(separator: " | ")
    }
}

enum JSONText {
    /// A JSON value in its compact form, keys sorted, slashes as they are.
    static func of(_ value: Any) -> String {
        let options: JSONSerialization.WritingOptions = [
            .fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes,
        ]
        let data = try? JSONSerialization.data(withJSONObject: value, options: options)
        return String(decoding: data ?? Data(), as: UTF8.self)
    }
}
