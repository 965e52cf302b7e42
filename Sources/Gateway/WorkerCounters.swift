import Audit
import HTTPSyntax
package import Policy
import Synchronization
import TLS
import Transport

// The counts of one worker and of one worker under one configuration.

/// What the gate decided about a request.
package enum Decision: Int, CaseIterable, Sendable {
    case forwarded, blocked, wouldBlock

    /// As the metric names it.
    package var name: String {
        switch self {
        case .forwarded: "forwarded"
        case .blocked: "blocked"
        case .wouldBlock: "would_block"
        }
    }
}

/// Of one worker, over its whole life. Raised on its own thread, read on any.
package final class WorkerCounters: Sendable {
    package let connections = Counter()
    /// Open right now.
    package let openConnections = Counter()
    package let refusedConnections = Counter()
    /// Of TLS in front, by version (1.2, 1.3), those that took up an earlier session behind them.
    package let handshakes = CounterArray(count: 4)
    /// Those that failed, by `TLSFault`.
    package let failedHandshakes = CounterArray(count: TLSFault.allCases.count)
    package static var faultNames: [String] { TLSFault.allCases.map { $0.name.description } }
    /// Of those that succeeded, by cipher suite.
    package let ciphers = CounterArray(count: TLSCipherSuite.names.count)
    package static var cipherNames: [String] { TLSCipherSuite.names }
    package let serverNames = CounterArray(count: WorkerCounters.serverNameKinds.count)
    /// The client named no host, one that has no certificates of its own, or one that has.
    package static let serverNameKinds = ["none", "default", "listed"]
    /// Connections that speak HTTP/2, the requests on them, and those that ended for a flood.
    package let http2Connections = Counter()
    package let http2Requests = Counter()
    package let http2Floods = Counter()
    /// Tunnels that began, and those of them that have ended.
    package let tunnels = Counter()
    package let endedTunnels = Counter()
    /// Requests that were no requests.
    package let malformed = Counter()
    /// Records of blocks by their action, whether the log took them or not.
    package let blocks = CounterArray(count: BlockAction.allCases.count)
    /// Answers of upstreams by the hundred of their status; 0: none came.
    package let upstreamAnswers = CounterArray(count: 6)
    /// Answers that had begun, or wait for a client of HTTP/2, and were cut short; by `AnswerCut`.
    package let cutAnswers = CounterArray(count: AnswerCut.allCases.count)
    /// Times from a request's head to its answer's, each in the first bound it does not exceed.
    package let upstreamTimes = CounterArray(count: WorkerCounters.bounds.count + 1)
    /// The sum of those times, in microseconds.
    package let upstreamTime = Counter()
    package let recordsWritten = Counter()
    package let recordsDropped = Counter()
    /// Bytes of records that wait for the log.
    package let recordsWaiting = Counter()

    /// In microseconds: 1 ms to 10 s.
    package static let bounds: [UInt64] = [
        1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ]

    package init() {}

    /// An upstream's final answer, `microseconds` after its request.
    @inline(__always) func countAnswer(status: Int, after microseconds: Int64) {
        upstreamAnswers.add(status / 100)
        let time = UInt64(Swift.max(0, microseconds))
        upstreamTime.add(time)
        upstreamTimes.add(time <= 1000 ? 0 : Self.place(of: time))
    }

    @inline(never) private static func place(of time: UInt64) -> Int {
        bounds.firstIndex { time <= $0 } ?? bounds.count
    }
}

/// Of one worker under one configuration: requests by rule, method and decision. A rule's counts
/// are made when it is first asked for, so that many rules cost little until they are used.
@safe package final class RuleCounters: @unchecked Sendable {
    /// Methods that are told apart: the first of the registry, and all others as one.
    package static let methods = Int(MethodID.query.rawValue) + 2
    private static let size = methods * Decision.allCases.count

    package let policy: CompiledPolicy
    private let rules: Int
    /// The addresses of the rules' counters; 0 where there are none yet.
    private let blocks: UnsafeMutablePointer<Atomic<UInt>>

    init(_ policy: CompiledPolicy) {
        self.policy = policy
        rules = policy.ruleCount
        unsafe blocks = .allocate(capacity: rules)
        for index in 0..<rules { unsafe (blocks + index).initialize(to: Atomic(0)) }
    }

    deinit {
        for index in 0..<rules {
            guard let block = unsafe block(index) else { continue }
            unsafe block.deinitialize(count: Self.size)
            unsafe block.deallocate()
        }
        unsafe blocks.deinitialize(count: rules)
        unsafe blocks.deallocate()
    }

    private func block(_ rule: Int) -> UnsafeMutablePointer<Counter>? {
        unsafe UnsafeMutablePointer(bitPattern: blocks[rule].load(ordering: .acquiring))
    }

    /// On the worker's thread.
    @inline(__always) func add(_ rule: Int32, _ method: MethodID, _ decision: Decision) {
        let index = Int(rule)
        guard UInt(bitPattern: index) < UInt(bitPattern: rules) else { return }
        let block = unsafe block(index) ?? makeBlock(index)
        let slot = Swift.min(Int(method.rawValue), Self.methods - 1)
        // slot and decision are each below their count.
        unsafe block[slot * Decision.allCases.count + decision.rawValue].add()
    }

    @inline(never) private func makeBlock(_ rule: Int) -> UnsafeMutablePointer<Counter> {
        let block = UnsafeMutablePointer<Counter>.allocate(capacity: Self.size)
        for index in 0..<Self.size { unsafe (block + index).initialize(to: Counter()) }
        unsafe blocks[rule].store(UInt(bitPattern: block), ordering: .releasing)
        return unsafe block
    }

    /// Every count that is not 0.
    package func visit(_ body: (_ rule: Int, _ method: String, Decision, UInt64) -> Void) {
        for rule in 0..<rules {
            guard let block = unsafe block(rule) else { continue }
            for slot in 0..<Self.methods {
                for decision in Decision.allCases {
                    let index = slot * Decision.allCases.count + decision.rawValue
                    let count = unsafe block[index].value
                    if count > 0 { body(rule, Self.name(slot), decision, count) }
                }
            }
        }
    }

    private static func name(_ slot: Int) -> String {
        slot == methods - 1 ? "_OTHER" : ByteView(MethodID.registry[slot]).text
    }
}
