import Audit
import Configuration
import Foundation
import Glibc
import HTTP1
import HTTPSyntax
import Memory
import Policy
import Testing
import Transport

@testable import Gateway

/// Nothing takes a worker apart; these are kept for as long as the process, as a gate keeps its own.
private let workers = Lock<[Ref<Worker>]>([])

/// A worker whose loop does not run, with one client: what it makes of heads is looked at.
private final class Rig {
    let worker: Ref<Worker>
    let client: Ref<ClientConnection>
    let snapshot: Snapshot
    private let ends: (Int32, Int32)

    /// A configuration with a backend there.
    static func snapshot(_ backend: UInt16 = 9, _ rest: String = "") throws -> Snapshot {
        let file = "/tmp/methodgate-\(getpid())-\(UInt64.random(in: 0 ... .max)).yaml"
        let text = """
            listen: [{address: 127.0.0.1:0}]
            backends: {app: http://127.0.0.1:\(backend)}
            custom_methods: [BREW]
            defaults: {methods: [GET]}
            rules:
              /items: [GET, PUT, BREW]
              /shadow: {methods: [GET], mode: shadow}
              /wide: {methods: [GET], narrow_allow: false}
            """
        try (text + rest).write(toFile: file, atomically: true, encoding: .utf8)
        defer { unlink(file) }
        let settings = try #require(ConfigurationLoader.load(path: file).settings)
        let address = try #require(SocketAddress.ipv4("127.0.0.1", port: backend))
        return Snapshot(
            settings: settings, addresses: [address],
            blocks: try AuditSink(to: .file(path: "/dev/null")), access: nil)
    }

    init(_ rest: String = "") throws {
        snapshot = try Self.snapshot(9, rest)
        let address = snapshot.addresses[0]
        var ids = try EventIDGenerator()
        let process = ProcessIdentity(
            start: ids.next(at: .now()), observer: Observer(version: "0", hostname: "here"))
        let outbox = try #require(Mailbox<WorkerReport>())
        worker = try #require(
            Ref<Worker>.make(
                index: 0, snapshot: snapshot, listeners: [], process: process,
                clients: ClientCounter(), counters: WorkerCounters(), redirects: RedirectMemory(),
                connectionLimit: 10,
                outbox: outbox))
        workers.withLock { [worker] in $0.append(worker) }
        var pair: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        ends = (pair[0], pair[1])
        Ref<ClientConnection>.open(pair[0], peer: address, on: worker)
        let first = worker.value.firstClient
        client = try #require(first)
    }

    deinit { close(ends.1) }

    /// Parses a request, `\n` for each line's end, and lends its bytes.
    func request<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
        let bytes = Array((text + "\n\n").replacing("\n", with: "\r\n").utf8)
        return bytes.withView { view in
            let result = RequestParser.parse(
                view, into: &worker.value.request, limits: worker.value.requestLimits)
            #expect(result == .complete)
            return body(view)
        }
    }

    /// The head that a backend's answer becomes for a request.
    func answer(_ answer: String, to request: String) -> [String] {
        self.request(request) { head in
            let (verdict, asked) = worker.judge(head)
            client.value.exchange = Exchange(
                method: asked.method, version: .http11, flags: [], framing: .none)
            client.value.rule = verdict.rule
            client.value.allowed = verdict.allowed
            client.value.method = asked.method
            client.value.isPreflight = asked.isPreflight
            client.value.use = worker.retainUse()
        }
        let bytes = Array((answer + "\n\n").replacing("\n", with: "\r\n").utf8)
        bytes.withView { view in
            let result = ResponseParser.parse(
                view, into: &worker.value.response, limits: worker.value.responseLimits)
            #expect(result == .complete)
            worker.writeResponseHead(view, to: client)
        }
        return worker.value.output.view.text.components(separatedBy: "\r\n")
    }
}

@Suite struct WorkerTests {
    @Test(
        arguments: [
            ("OPTIONS /\nMax-Forwards: 0", 0), ("TRACE /\nMax-Forwards: 7", 7),
            ("OPTIONS /\nmax-forwards: 00012", 12),
            ("OPTIONS /\nMax-Forwards: 999999999", 999_999_999),
            ("OPTIONS /\nMax-Forwards: 0000000000", 0),
            ("OPTIONS /\nMax-Forwards: 99999999999999999999", 1_000_000_000),
            ("OPTIONS /\nMax-Forwards: -1", nil),
            ("OPTIONS /\nMax-Forwards: 1x", nil), ("OPTIONS /\nMax-Forwards:", nil),
            ("OPTIONS /", nil), ("OPTIONS /\nMax-Forwards: 9\nMax-Forwards: 0", 0),
            ("TRACE /\nMax-Forwards: x\nMax-Forwards: 8\nMax-Forwards: 9", 8),
            ("TRACE /\nMax_Forwards: 1\nMax-Forwards: 2", 2),
            ("GET /\nMax-Forwards: 0", nil), ("BREW /\nMax-Forwards: 0", nil),
        ] as [(String, Int?)])
    func `only OPTIONS and TRACE have a number of hops left`(
        _ request: String, _ hops: Int?
    ) throws {
        let rig = try Rig()
        let lines = request.components(separatedBy: "\n")
        let text = ([lines[0] + " HTTP/1.1", "Host: a"] + lines.dropFirst()).joined(
            separator: "\n")
        #expect(rig.request(text) { rig.worker.maxForwards($0) } == hops)
    }

    @Test(arguments: [
        ("OPTIONS *", true), ("OPTIONS http://a", true), ("OPTIONS /", false),
        ("OPTIONS http://a/", false), ("OPTIONS http://a?x", false), ("GET http://a", false),
    ])
    func `only OPTIONS without a path asks about the gate`(
        _ line: String, _ asks: Bool
    ) throws {
        let rig = try Rig()
        #expect(
            rig.request(line + " HTTP/1.1\nHost: a") { _ in rig.worker.value.request.asksAboutGate }
                == asks)
    }

    @Test func `a trace shows what came, without what its sender would not want in a page`() throws
    {
        let rig = try Rig()
        let text = """
            TRACE /x?y HTTP/1.1
            Cookie: a=b
            Host: a
            AUTHORIZATION: secret
            X-Last:  kept\t
            Proxy-Authorization: secret
            """
        rig.request(text) { rig.worker.writeTrace($0) }
        #expect(
            rig.worker.value.body.view.text
                == "TRACE /x?y HTTP/1.1\r\nHost: a\r\nX-Last:  kept\t\r\n\r\n")
    }

    struct Narrowing: Sendable {
        var request = "OPTIONS /items"
        var fields: [String] = []
        var answer: [String]
        var expected: [String]
    }

    private static let preflight = ["Origin: https://b", "Access-Control-Request-Method: PUT"]

    @Test(arguments: [
        Narrowing(answer: ["200", "Allow: GET, POST, PUT"], expected: ["Allow: GET, PUT"]),
        Narrowing(answer: ["405", "Allow: POST"], expected: ["Allow: "]),
        Narrowing(
            request: "GET /items", answer: ["405", "allow:PUT,,BREW ,get"],
            expected: ["Allow: PUT, BREW"]),
        Narrowing(answer: ["200", "Allow: *"], expected: ["Allow: GET, HEAD, PUT, BREW"]),
        Narrowing(
            answer: ["204", "Allow: GET", "X: 1", "Allow: DELETE, PUT"],
            expected: ["X: 1", "Allow: GET, PUT"]),
        // Only where it is a promise.
        Narrowing(
            request: "GET /items", answer: ["200", "Allow: POST"], expected: ["Allow: POST"]),
        Narrowing(
            request: "OPTIONS /shadow", answer: ["200", "Allow: POST"], expected: ["Allow: POST"]),
        Narrowing(
            request: "OPTIONS /wide", answer: ["200", "Allow: POST"], expected: ["Allow: POST"]),
        Narrowing(answer: ["200"], expected: []),
        // Preflights.
        Narrowing(
            fields: preflight, answer: ["200", "Access-Control-Allow-Methods: PUT, DELETE"],
            expected: ["Access-Control-Allow-Methods: PUT"]),
        Narrowing(
            fields: preflight, answer: ["200", "Access-Control-Allow-Methods: *", "Allow: *"],
            expected: [
                "Allow: GET, HEAD, PUT, BREW",
                "Access-Control-Allow-Methods: GET, HEAD, PUT, BREW",
            ]),
        Narrowing(
            answer: ["200", "Access-Control-Allow-Methods: DELETE"],
            expected: ["Access-Control-Allow-Methods: DELETE"]),
    ])
    func `what a backend promises is cut down to what passes`(_ row: Narrowing) throws {
        let rig = try Rig()
        let request = ([row.request + " HTTP/1.1", "Host: a"] + row.fields).joined(separator: "\n")
        let answer = (["HTTP/1.1 \(row.answer[0]) OK"] + row.answer.dropFirst() + ["Date: now"])
            .joined(separator: "\n")
        let lines = rig.answer(answer, to: request)
        #expect(
            Array(lines.dropFirst().filter { !$0.isEmpty && $0 != "Date: now" }) == row.expected)
    }
    // MARK: Reloads

    @Test func `a pool is freed when no configuration, request or connection names it`() throws {
        let rig = try Rig()
        let worker = rig.worker
        let anyPort = try #require(SocketAddress.ipv4("127.0.0.1", port: 0))
        let listener = try Listener.bind(anyPort, workers: 1)[0]
        let port = try #require(
            listener.address.text.split(separator: ":").last.flatMap { UInt16($0) })
        func adopt(_ backend: UInt16) throws {
            worker.value.inbox.post(
                .adopt(try Rig.snapshot(backend), [], connectionLimit: 10))
            worker.takeOrders()
            worker.reap()
        }
        for backend in 10...20 as ClosedRange<UInt16> { try adopt(backend) }
        #expect(worker.value.pools.count == 1)

        let use = worker.retainUse()
        try adopt(port)
        #expect(worker.value.pools.count == 2)
        worker.release(use)
        worker.reap()
        #expect(worker.value.pools.count == 1)

        let pool = worker.value.pools[0]
        let (opened, _) = Ref<UpstreamConnection>.open(pool, on: worker)
        let connection = try #require(opened)
        try adopt(22)
        #expect(worker.value.pools.count == 2)
        connection.close()
        worker.reap()
        #expect(worker.value.pools.count == 1)
        #expect(worker.value.pools[0].value.addressText == "127.0.0.1:22")

        // What comes back before it is freed is the old one.
        let held = worker.retainUse()
        let kept = worker.value.pools[0]
        try adopt(23)
        try adopt(22)
        worker.release(held)
        worker.reap()
        #expect(worker.value.pools == [kept])
    }

    /// A FIFO of a log, and what it is read by.
    private final class FullFIFO {
        let sink: AuditSink
        private let path = "/tmp/methodgate-\(getpid())-\(UInt64.random(in: 0 ... .max)).fifo"
        private let reader: Int32

        init() throws {
            // Only in the process of a gate it is ignored already.
            signal(SIGPIPE, SIG_IGN)
            #expect(mkfifo(path, 0o600) == 0)
            reader = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
            sink = try AuditSink(to: .file(path: path))
        }

        /// Takes out all that is in it.
        func empty() -> String {
            var space = [UInt8](repeating: 0, count: 1 << 20)
            let count = read(reader, &space, space.count)
            return String(decoding: space[..<max(0, count)], as: UTF8.self)
        }

        deinit {
            close(reader)
            unlink(path)
        }
    }

    /// Far more than a FIFO holds, and no line of it ends where that is full.
    private static let lines = String(
        repeating: String(repeating: "x", count: 1000) + "\n", count: 500)

    @Test func `a worker does not sleep within a line of the access log`() throws {
        let rig = try Rig()
        let fifo = try FullFIFO()
        rig.worker.value.log.accessSink = fifo.sink
        // The last connection has gone.
        rig.client.close()
        rig.worker.reap()
        Self.lines.withView { rig.worker.value.log.access.append(lines: $0) }
        rig.worker.flushAccessLog()
        #expect(rig.worker.value.log.access.pendingCount > 0)
        #expect(rig.worker.needsTicks)
        _ = fifo.empty()
        rig.worker.flushAccessLog()
        #expect(rig.worker.value.log.access.pendingCount == 0)
        #expect(!rig.worker.needsTicks)
    }

    @Test func `a worker forgets lines of an access log that a reload took away`() throws {
        let rig = try Rig()
        let fifo = try FullFIFO()
        rig.worker.value.log.accessSink = fifo.sink
        rig.client.close()
        rig.worker.reap()
        Self.lines.withView { rig.worker.value.log.access.append(lines: $0) }
        rig.worker.flushAccessLog()
        // There is no access log in it.
        rig.worker.value.log.adopt(rig.snapshot)
        #expect(rig.worker.value.log.access.pendingCount == 0)
        #expect(!rig.worker.needsTicks)
        // What waited for the block log meanwhile comes later.
        "late\n".withView { rig.worker.value.log.access.append(lines: $0) }
        rig.worker.flushAccessLog()
        #expect(rig.worker.value.log.access.pendingCount == 0)
        #expect(!rig.worker.needsTicks)
        let counts = rig.worker.value.log.access.counts
        #expect(counts.waiting == 0 && counts.written + counts.dropped == 501)
        let next = try FullFIFO()
        rig.worker.value.log.accessSink = next.sink
        rig.worker.flushAccessLog()
        #expect(next.empty() == "")
    }

    @Test func `a worker does not end while a log that may lose records is full for a moment`()
        throws
    {
        let rig = try Rig()
        let fifo = try FullFIFO()
        rig.worker.value.log.sink = fifo.sink
        rig.worker.value.log.onFull = .drop
        rig.worker.refreshClock()
        let file = String(repeating: "f", count: 1000)
        for _ in 0..<200 {
            rig.worker.value.log.stream.appendConfigurationLoaded(
                at: .now(), policyDigest: [], file: file, ruleCount: 1)
        }
        rig.worker.flushLog()
        let isStuck = rig.worker.value.log.isStuck && !rig.worker.value.log.isFull
        #expect(isStuck)
        let isSettledThen = rig.worker.value.log.isSettled
        #expect(!isSettledThen)
        for _ in 0..<10 where rig.worker.value.log.isStuck {
            _ = fifo.empty()
            rig.worker.retryLog()
        }
        let isSettled = rig.worker.value.log.isSettled
        #expect(isSettled)
        let lost = rig.worker.value.log.close(at: .now())
        #expect(lost == LostLines())
    }

    @Test func `a worker that ends within a line keeps nobody from the logs`() throws {
        let rig = try Rig()
        let blocks = try FullFIFO()
        let access = try FullFIFO()
        rig.worker.value.log.sink = blocks.sink
        rig.worker.value.log.accessSink = access.sink
        let file = String(repeating: "f", count: 1000)
        for _ in 0..<500 {
            rig.worker.value.log.stream.appendConfigurationLoaded(
                at: .now(), policyDigest: [], file: file, ruleCount: 1)
        }
        Self.lines.withView { rig.worker.value.log.access.append(lines: $0) }
        rig.worker.flushLog()
        rig.worker.flushAccessLog()
        let lost = rig.worker.value.log.close(at: .now())
        #expect(lost.blocks > 0 && lost.access > 0)
        for fifo in [blocks, access] {
            _ = fifo.empty()
            let other = ClientCounter()
            let result = "after\n".withView {
                fifo.sink.write($0, owner: ObjectIdentifier(other))
            }
            #expect(result.code == 0)
            #expect(fifo.empty() == "\nafter\n")
        }
    }
}
