// What the scanners find in content, cut into pieces in different ways.

import Glibc
import HTTPSyntax
import Memory

@testable import Policy

/// Areas that end at a page nobody may touch, kept because mapping one takes long.
private let areas = Lock<[GuardedArea]>([])

/// Bytes that end where the address space does: whoever reads behind them dies at once.
struct GuardedArea: @unchecked Sendable {
    private static let size = 1 << 14
    private let end: UnsafeMutableRawPointer

    /// Lends an area; areas are never unmapped.
    static func with<Result>(_ body: (GuardedArea) -> Result) -> Result {
        let area = areas.withLock { $0.popLast() } ?? GuardedArea()
        defer { areas.withLock { $0.append(area) } }
        return body(area)
    }

    private init() {
        let page = Int(sysconf(Int32(_SC_PAGESIZE)))
        let area = mmap(
            nil, Self.size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let area, area != MAP_FAILED else { fatalError("mmap") }
        end = area + Self.size
        precondition(mprotect(end, page, PROT_NONE) == 0, "mprotect")
    }

    /// Lends a copy of `bytes` at the end of the area.
    func hold(_ bytes: ArraySlice<UInt8>, _ body: (ByteView) -> Void) {
        precondition(bytes.count <= Self.size, "more than an area holds")
        let start = (end - bytes.count).assumingMemoryBound(to: UInt8.self)
        for (index, byte) in zip(0..., bytes) { start[index] = byte }
        body(ByteView(base: start, count: bytes.count))
    }
}

enum Scans {
    static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The overrides in content with these fields, in their order: `DELETE`, or `?` for what is no
    /// method.
    static func overrides(
        in content: [UInt8], type: String, cutAt cuts: [Int] = []
    ) -> [String] {
        var reading = ContentReading()
        return type.withView { view in
            reading.add(contentType: view)
            reading.settle()
            guard reading.isInspected else { return ["not inspected"] }
            if let obstacle = reading.obstacle { return ["\(obstacle)"] }
            var scanner = ContentScanner(reading)
            var found: [String] = []
            var start = 0
            for end in cuts + [content.count] {
                GuardedArea.with { area in
                    area.hold(content[start..<end]) { piece in
                        var offset = 0
                        while let value = scanner.next(in: piece, from: &offset) {
                            found.append(text(value))
                        }
                    }
                }
                start = end
            }
            if let value = scanner.finish() { found.append(text(value)) }
            return found
        }
    }

    private static func text(_ value: OverrideValue) -> String {
        value.isMethod ? value.text.text : "?"
    }

    /// The same for the content as a whole, in two pieces with every cut, and byte by byte; nil
    /// where they differ.
    static func overridesHoweverCut(in content: [UInt8], type: String) -> [String]? {
        let whole = overrides(in: content, type: type)
        for cut in 0...content.count
        where overrides(in: content, type: type, cutAt: [cut]) != whole {
            return nil
        }
        let each = Array(0...content.count)
        return overrides(in: content, type: type, cutAt: each) == whole ? whole : nil
    }

    static func form(_ text: String) -> [String]? {
        overridesHoweverCut(in: bytes(text), type: "application/x-www-form-urlencoded")
    }

    static func json(_ text: String) -> [String]? {
        overridesHoweverCut(in: bytes(text), type: "application/json")
    }

    static func multipart(_ text: String, boundary: String = "b0undary") -> [String]? {
        overridesHoweverCut(
            in: bytes(text), type: "multipart/form-data; boundary=\(boundary)")
    }

    /// The overrides in content of one part with these lines of head.
    static func part(_ head: String, value: String = "DELETE") -> [String]? {
        multipart("--b0undary\r\n\(head)\r\n\r\n\(value)\r\n--b0undary--\r\n")
    }
}
