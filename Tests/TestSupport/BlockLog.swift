// The block log as an auditor reads it: JSON lines with flat keys, and the chain through them.

import Foundation

/// A record; its values as JSONSerialization gives them.
public struct LogRecord: @unchecked Sendable {
    public let line: Bytes
    public let values: [String: Any]

    public init(_ line: Bytes) throws {
        self.line = line
        let value = try JSONSerialization.jsonObject(with: Data(line))
        guard let values = value as? [String: Any] else {
            throw BadRecord("not an object: \(Escapes.escape(line))")
        }
        self.values = values
    }

    public subscript(_ key: String) -> String? { values[key] as? String }
    public func integer(_ key: String) -> Int? { values[key] as? Int }
    public func list(_ key: String) -> [String]? { values[key] as? [String] }

    /// Whether it is about a request, not about a configuration or the log itself.
    public var isAboutRequest: Bool {
        let actions = [
            "method-blocked", "would-block", "override-blocked", "preflight-blocked",
            "ambiguous-path", "malformed-request", "tunnel-started", "tunnel-ended",
        ]
        return actions.contains(self["event.action"] ?? "")
    }
}

public struct BadRecord: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

public struct BlockLog: Sendable {
    public let lines: [Bytes]
    /// What follows the last newline.
    public let partial: Bytes

    public init(lines: some Sequence<Bytes>) {
        self.lines = Array(lines)
        partial = []
    }

    public init(_ bytes: Bytes) {
        var parts = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Bytes.init)
        partial = parts.popLast() ?? []
        lines = parts
    }

    public init(file: String) throws {
        self.init(Bytes(try Data(contentsOf: URL(fileURLWithPath: file))))
    }

    public func records() throws -> [LogRecord] {
        try lines.map { line in
            do {
                return try LogRecord(line)
            } catch {
                throw BadRecord("\(error): \(Escapes.escape(line))")
            }
        }
    }

    /// The records about requests, by the id that a client saw.
    public func byEvent() throws -> [String: LogRecord] {
        var found: [String: LogRecord] = [:]
        for record in try records() where record.isAboutRequest {
            if let id = record["event.id"] { found[id] = record }
        }
        return found
    }

    /// Throws unless each stream counts 1, 2, 3, … and each record carries the hash of the one
    /// before it.
    ///
    /// - Parameter fromStart: whether the first record seen must be number 1.
    public func verifyChain(fromStart: Bool = true) throws {
        var last: [String: (sequence: Int, hash: String)] = [:]
        for (line, record) in zip(lines, try records()) {
            guard let stream = record["methodgate.stream"],
                let sequence = record.integer("event.sequence")
            else { throw BadRecord("no stream or sequence: \(Escapes.escape(line))") }
            if let (number, hash) = last[stream] {
                guard sequence == number + 1 else {
                    throw BadRecord("\(sequence) follows \(number) in stream \(stream)")
                }
                guard record["methodgate.prev_hash"] == hash else {
                    throw BadRecord("the chain is broken at \(sequence) in stream \(stream)")
                }
            } else if fromStart && sequence != 1 {
                throw BadRecord("stream \(stream) begins with \(sequence)")
            }
            last[stream] = (sequence, SHA256.hexadecimal(line))
        }
    }
}
