import TestSupport
import Testing

@testable import HTTP2

struct SessionMemoryTests {
    typealias Block = UnsafeMutableRawPointer

    @Test func `a block that was given back is the next one of its size`() throws {
        let owner = SessionMemory()
        let memory = owner.handle
        let first = try #require(memory.take(200))
        let second = try #require(memory.take(200))
        #expect(second != first)
        memory.put(first)
        let larger = try #require(memory.take(300))
        #expect(larger != first)
        #expect(memory.take(193) == first)
        for block in [first, second, larger] { memory.put(block) }
    }

    @Test func `blocks are apart, aligned, and cleared where that is asked for`() throws {
        let owner = SessionMemory()
        let memory = owner.handle
        for _ in 0..<3 {
            var blocks: [(Block, Int)] = []
            for count in [0, 1, 63, 64, 65, 511, 512, 513, 4000] {
                let block = try #require(memory.takeCleared(count, 1))
                #expect(UInt(bitPattern: block) % 16 == 0)
                #expect(Self.holds(block, count, 0))
                block.initializeMemory(as: UInt8.self, repeating: UInt8(count & 0xff), count: count)
                blocks.append((block, count))
            }
            for (block, count) in blocks {
                #expect(Self.holds(block, count, UInt8(count & 0xff)))
                memory.put(block)
            }
        }
    }

    private static func holds(_ block: Block, _ count: Int, _ byte: UInt8) -> Bool {
        (0..<count).allSatisfy { block.load(fromByteOffset: $0, as: UInt8.self) == byte }
    }

    @Test func `what grows keeps what it holds`() throws {
        let owner = SessionMemory()
        let memory = owner.handle
        var block = try #require(memory.take(8))
        block.storeBytes(of: 0x1234_5678, as: UInt64.self)
        for count in [64, 65, 500, 600, 5000, 100, 20_000] {
            block = try #require(memory.resize(block, count))
            #expect(block.load(as: UInt64.self) == 0x1234_5678)
            block.storeBytes(of: 7, toByteOffset: count - 1, as: UInt8.self)
        }
        memory.put(block)
    }

    @Test func `more than there is is refused`() {
        let owner = SessionMemory()
        let memory = owner.handle
        #expect(memory.take(.max) == nil)
        #expect(memory.takeCleared(.max, 2) == nil)
    }

    @Test func `sessions live on it, one after another`() {
        let owner = SessionMemory()
        let memory = owner.handle
        for _ in 0..<3 {
            let peer = Peer(memory: memory)
            #expect(peer.receive(HTTP2Frame.preface + HTTP2Frame.settings().bytes))
            for stream in stride(from: Int32(1), to: 401, by: 2) {
                peer.receive(HTTP2Frame.headers(UInt32(stream), HTTP2Field.request()).bytes)
                peer.answer(stream, 200, content: "hello")
                #expect(peer.send().last?.hasEnded == true)
            }
        }
    }
}
