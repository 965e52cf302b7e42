import Audit
import HTTPSyntax
import Testing

@testable import Gateway

@Suite struct UnansweredLinesTests {
    private let log = AccessLog(
        observer: Observer(version: "0", hostname: "here"), redactQuery: false)

    private static func filled() -> UnansweredLines {
        var lines = UnansweredLines()
        for (line, end) in [("a\nb\n", 100), ("c\n", 50), ("d\n", 200)] as [(String, UInt64)] {
            Array(line.utf8).withView { lines.append($0, behind: end) }
        }
        return lines
    }

    @Test func `come behind their records, in their order`() {
        var lines = Self.filled()
        var waiting: [UInt64] = []
        for settled in [99, 100, 200, 300] as [UInt64] {
            lines.move(to: log, settled: settled, position: 300)
            waiting.append(log.counts.waiting)
        }
        #expect(waiting == [0, 3, 4, 4])
        #expect(log.pendingCount == 8)
        let isEmpty = lines.isEmpty
        #expect(isEmpty)
    }

    @Test func `wait for no record that was dropped`() {
        var lines = Self.filled()
        lines.move(to: log, settled: 10, position: 10)
        #expect(log.counts.waiting == 4)
        let isEmpty = lines.isEmpty
        #expect(isEmpty)
    }
}
