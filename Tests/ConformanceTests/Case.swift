// A conformance case as data: one file says what a client sends, what must reach the backend,
// what the backend answers, what the client must get and what the log must say. The format is
// described in README.md beside this file.

import Foundation
import TestSupport
import Testing

struct CaseError: Error, CustomStringConvertible {
    let description: String
}

struct Case: Sendable, CustomTestStringConvertible {
    /// What the client does or waits for, in the order of the file.
    enum Step: Sendable {
        case send(Bytes, halfClose: Bool)
        case expect(ReplyExpectation)
        /// Bytes that must come through a tunnel.
        case receive(Bytes)
    }

    enum Upstream: Sendable {
        /// Not a byte of this case reaches the backend, except for the requests listed.
        case listed
        /// Besides those, the beginning of a request that never gets whole.
        case unfinished
    }

    enum End: String, Sendable {
        case open
        case closed
        case any
    }

    var name = ""
    var title = ""
    /// The part of the configuration that is the case's own: rules, defaults, limits.
    var configuration = ""
    var steps: [Step] = []
    var exchanges: [BackendExchange] = []
    var upstream = Upstream.listed
    /// nil when the file says nothing about records.
    var records: [FieldExpectations]?
    var end = End.open

    var testDescription: String { name }
}

extension Case {
    /// The folder with the case files, beside this source file.
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Cases")

    /// All case files, by name.
    static func loadAll() throws -> [Case] {
        let files = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return try files.filter { $0.hasSuffix(".http") }.sorted().map { file in
            let text = try String(
                contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            do {
                return try Case(name: String(file.dropLast(5)), text: text)
            } catch {
                throw CaseError(description: "\(file): \(error)")
            }
        }
    }

    /// Reads a case file.
    init(name: String, text: String) throws {
        self.name = name
        var sections = Section.split(text)
        let preface = sections.removeFirst().lines
        title = preface.prefix { !$0.isEmpty }.joined(separator: " ")
        guard !title.isEmpty else { throw CaseError(description: "no title") }
        for section in sections {
            do {
                try take(section)
            } catch {
                throw CaseError(description: "\(section.line): \(error)")
            }
        }
        guard !steps.isEmpty else { throw CaseError(description: "no client") }
        guard !configuration.isEmpty else { throw CaseError(description: "no config") }
    }

    private mutating func take(_ section: Section) throws {
        switch section.name {
        case "config":
            configuration = try section.words.first.map(Self.named) ?? section.text
        case "client":
            try section.allow(["half-close"])
            let bytes = try section.bytes()
            steps.append(.send(bytes, halfClose: section.words.contains("half-close")))
        case "reply" where section.words == ["tunnel"]:
            steps.append(.receive(try section.bytes()))
        case "reply":
            steps.append(.expect(try ReplyExpectation(section)))
        case "upstream" where section.words == ["tunnel"]:
            guard !exchanges.isEmpty else {
                throw CaseError(description: "a tunnel before any upstream request")
            }
            exchanges[exchanges.count - 1].tunnel = BackendTunnel(expected: try section.bytes())
        case "upstream":
            try section.allow(["none", "unfinished"])
            if section.words.contains("unfinished") {
                upstream = .unfinished
            } else if !section.words.contains("none") {
                exchanges.append(BackendExchange(expected: try section.bytes()))
            }
        case "backend":
            guard !exchanges.isEmpty else {
                throw CaseError(description: "a backend's answer before any upstream request")
            }
            try exchanges[exchanges.count - 1].answer(section)
        case "record":
            records = (records ?? []) + [try FieldExpectations(section.lines)]
        case "end":
            guard let word = section.words.first, let value = End(rawValue: word) else {
                throw CaseError(description: "end takes open, closed or any")
            }
            end = value
        default:
            throw CaseError(description: "unknown section \(section.name)")
        }
    }

    private static func named(_ name: String) throws -> String {
        let file = folder.appendingPathComponent("configurations/\(name).yaml")
        return try String(contentsOf: file, encoding: .utf8)
    }
}

/// A part of a case file: `=== NAME WORD…` and the lines up to the next one.
struct Section {
    let name: String
    let words: [String]
    let line: Int
    var lines: [String] = []

    /// The lines as they stand.
    var text: String { lines.joined(separator: "\n") + "\n" }

    /// The bytes that the lines spell with escapes; line ends of the file do not count, nor do
    /// empty lines.
    func bytes() throws -> Bytes { try lines.flatMap { try Escapes.unescape($0) } }

    func allow(_ known: [String]) throws {
        for word in words where !known.contains(word) {
            throw CaseError(description: "\(name) does not take \(word)")
        }
    }

    /// The text before the first section is a section without a name.
    static func split(_ text: String) -> [Section] {
        var sections = [Section(name: "", words: [], line: 1)]
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            if line.hasPrefix("=== ") {
                let words = line.dropFirst(4).split(separator: " ").map(String.init)
                sections.append(
                    Section(
                        name: words.first ?? "", words: Array(words.dropFirst()),
                        line: number + 1))
            } else {
                sections[sections.count - 1].lines.append(String(line))
            }
        }
        return sections
    }
}
