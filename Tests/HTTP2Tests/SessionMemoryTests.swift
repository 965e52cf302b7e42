import HTTPSyntax
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

    // MARK: Content

    @Test func `content takes the storage that other content has given back last`() throws {
        let owner = SessionMemory()
        let memory = owner.handle
        var queues = [SixteenKiB(memory), SixteenKiB(memory)]
        let storage = queues.map(\.address)
        #expect(storage[0] != storage[1])
        queues[1].giveBack()
        queues[0].giveBack()
        queues = [SixteenKiB(memory), SixteenKiB(memory)]
        #expect(queues.map(\.address) == storage)
        for queue in queues { queue.giveBack() }
    }

    @Test(arguments: [
        [1, 2047, 1, 5000, 9000], [16384, 1], [3000, 13384], [16385], [65536], [2048],
    ])
    func `content is what was added, however it came`(pieces: [Int]) {
        let owner = SessionMemory()
        for sendsEach in [false, true, false] {
            let peer = Peer(memory: owner.handle)
            peer.receive(HTTP2Frame.preface + HTTP2Frame.settings().bytes)
            peer.receive(HTTP2Frame.windowUpdate(0, 1 << 20).bytes)
            peer.receive(HTTP2Frame.headers(1, HTTP2Field.request()).bytes)
            peer.receive(HTTP2Frame.windowUpdate(1, 1 << 20).bytes)
            let texts = pieces.enumerated().map { index, count in
                String(repeating: Array("abcde")[index], count: count)
            }
            var frames: [HTTP2Frame] = []
            peer.answer(1, 200, content: texts[0], ends: false)
            for text in texts.dropFirst() {
                if sendsEach { frames += peer.send() }
                peer.append(1, text)
            }
            peer.end(1)
            frames += peer.send()
            let content = frames.filter { $0.kind == HTTP2Frame.Kind.data }.flatMap(\.payload)
            #expect(content == Bytes(texts.joined().utf8))
        }
    }

    /// Content of a stream that fills a block.
    private final class SixteenKiB {
        private let memory: SessionMemory.Handle
        private var queue = ByteBuffer()
        let address: UnsafeMutablePointer<UInt8>?

        init(_ memory: SessionMemory.Handle) {
            self.memory = memory
            memory.makeRoom(in: &queue, for: 16 * 1024)
            address = queue.storage
        }

        func giveBack() { memory.giveBack(&queue) }
    }

    // MARK: Sessions

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
