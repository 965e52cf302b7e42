import Foundation
import Testing

@testable import Memory
@testable import Policy

@Suite("Memory of tables")
struct FixedMemoryTests {
    private static let words = FixedMemory.hugePage / 8

    @Test(arguments: [1, 1000, words - 1, words, words + 1, 3 * words - 5])
    func `a table of any size holds what it was given`(count: Int) {
        let array = FlatArray((0..<count).map { UInt64($0) &* 0x9e37_79b9_7f4a_7c15 })
        defer { array.deallocate() }
        #expect(array.count == count)
        #expect((0..<count).allSatisfy { array[$0] == UInt64($0) &* 0x9e37_79b9_7f4a_7c15 })
    }

    @Test(arguments: [
        (1, 64), (words * 8 - 1, 64), (words * 8, words * 8), (words * 8 + 1, words * 8),
    ])
    func `memory begins at a cache line, large memory at a huge page`(size: Int, alignment: Int) {
        let memory = FixedMemory.allocate(byteCount: size)
        #expect(Int(bitPattern: memory) % alignment == 0)
        FixedMemory.deallocate(memory, byteCount: size)
    }

    @Test func `large memory goes back whole`() throws {
        let before = try mappedBytes()
        for _ in 0..<100 {
            let size = 5 * FixedMemory.hugePage + 1
            FixedMemory.deallocate(FixedMemory.allocate(byteCount: size), byteCount: size)
        }
        // What other tests map meanwhile is less than one in ten of these would leave.
        #expect(try mappedBytes() - before < 100 * FixedMemory.hugePage)
    }

    /// Of the process, as /proc/self/statm has it in pages of 4 KiB.
    private func mappedBytes() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return (text.split(separator: " ").first.flatMap { Int($0) } ?? 0) * 4096
    }
}
