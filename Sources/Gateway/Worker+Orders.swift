import Audit
import Configuration
import Digest
import HTTP1
import HTTP2
import HTTPSyntax
import Policy
import Transport

// What the main thread asks of a worker: take a new configuration, note reopened logs, drain.

extension Ref<Worker> {
    /// Makes a worker; on the main thread, before its own starts. Nil where the kernel gives no
    /// loop, mailbox or randomness.
    static func make(
        index: Int, snapshot: Snapshot, listeners: [ListenerUse], process: ProcessIdentity,
        clients: ClientCounter, counters: WorkerCounters, redirects: RedirectMemory,
        connectionLimit: Int,
        outbox: Mailbox<WorkerReport>
    ) -> Ref<Worker>? {
        guard let base = EventBase(), let inbox = Mailbox<WorkerOrder>(),
            let generator = try? EventIDGenerator()
        else { return nil }
        let settings = snapshot.settings
        let wheel = Ref<DeadlineWheel>.make(DeadlineWheel(now: Clock.milliseconds()))
        let now = Timestamp.now()
        let use = Ref<SnapshotUse>.make(SnapshotUse(snapshot: snapshot, pools: []))
        let ids = Ref<EventIDGenerator>.make(generator)
        let worker = unsafe Ref<Worker>.make { context in
            Worker(
                index: index, base: base, wheel: wheel, inbox: inbox, outbox: outbox, use: use,
                inboxEvent: unsafe .read(base, inbox.descriptor, workerHasOrders, context),
                tick: unsafe .timer(base, workerTicked, context),
                retry: unsafe .timer(base, workerRetriesLog, context),
                log: WriteAhead(index: index, snapshot: snapshot, process: process),
                clients: clients, counters: counters, redirects: redirects,
                request: RequestHead(maximumFields: settings.limits.fields),
                response: ResponseHead(maximumFields: settings.limits.fields),
                requestLimits: settings.limits.ofRequests,
                responseLimits: settings.limits.ofResponses,
                answerHead: answerHead(settings.limits),
                answerFields: answerFields(settings.limits), ids: ids, now: now,
                connectionLimit: connectionLimit)
        }
        worker.install(snapshot, listeners)
        return worker
    }

    /// With the lines that the gate adds.
    private static func answerHead(_ limits: Limits) -> ResponseHead {
        ResponseHead(maximumFields: limits.fields + 16)
    }

    private static func answerFields(_ limits: Limits) -> FieldList {
        FieldList(capacity: limits.fields + 16)
    }

    func takeOrders() {
        refreshClock()
        for order in value.inbox.takeAll() {
            switch order {
            case .adopt(let snapshot, let listeners, let connectionLimit):
                guard !value.isDraining else { continue }
                value.connectionLimit = connectionLimit
                install(snapshot, listeners)
                value.outbox.post(.adopted(worker: value.index, value.use.value.counters))
                resumeAccepting()
            case .logsReopened:
                value.log.stream.noteReopening(of: value.log.sink, at: value.now)
            case .drain: drain()
            case .ping(let number): value.outbox.post(.alive(worker: value.index, ping: number))
            }
        }
    }

    /// Begins a configuration: requests that run keep theirs.
    private func install(_ snapshot: Snapshot, _ listeners: [ListenerUse]) {
        let settings = snapshot.settings
        let old = value.use
        let pools = snapshot.addresses.map(pool)
        value.use = Ref<SnapshotUse>.make(SnapshotUse(snapshot: snapshot, pools: pools))
        for pool in value.pools where !pools.contains(pool) { pool.retire() }
        if old.value.users == 0 { value.retiredUses.append(old) }
        if settings.limits.fields != value.request.fields.capacity {
            value.request = RequestHead(maximumFields: settings.limits.fields)
            value.response = ResponseHead(maximumFields: settings.limits.fields)
            value.answerHead = Self.answerHead(settings.limits)
            value.answerFields = Self.answerFields(settings.limits)
        }
        value.requestLimits = settings.limits.ofRequests
        value.responseLimits = settings.limits.ofResponses
        value.contentLimit = settings.limits.content.map(UInt64.init)
        value.answers.removeAll()
        value.log.adopt(snapshot)
        value.log.stream.appendConfigurationLoaded(
            at: value.now, policyDigest: settings.policyDigest.bytes,
            file: settings.files.first ?? "",
            ruleCount: snapshot.policy.ruleCount)
        reassessTrust()
        limitFields()
        listen(on: listeners)
    }

    /// The pool for an address: the same one over reloads.
    private func pool(_ address: SocketAddress) -> Ref<UpstreamPool> {
        let text = address.text
        for pool in value.pools where pool.value.addressText == text {
            pool.value.isRetired = false
            return pool
        }
        let pool = Ref<UpstreamPool>.make(UpstreamPool(address: address, text: text))
        value.pools.append(pool)
        return pool
    }

    /// Watches exactly these listeners; one that is still wanted is left alone.
    private func listen(on listeners: [ListenerUse]) {
        for acceptor in value.acceptors
        where !acceptor.value.isRetired
            && !listeners.contains(where: { $0.listener === acceptor.value.listener })
        {
            acceptor.retire()
        }
        let kept = value.acceptors.filter { !$0.value.isRetired }
        for acceptor in value.acceptors where acceptor.value.isRetired { acceptor.destroy() }
        value.acceptors = kept
        for use in listeners {
            let known = kept.first { $0.value.listener === use.listener }
            let acceptor = known ?? .open(use.listener, on: self)
            if known == nil { value.acceptors.append(acceptor) }
            acceptor.value.expectsProxyHeader = use.expectsProxyHeader
            acceptor.value.allowsHTTP2 = use.allowsHTTP2
        }
    }

    /// Connections of HTTP/2 check fields before they are a head.
    private func limitFields() {
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            current.value.http2?.value.session.adopt(HeaderBlock.Limits(value.requestLimits))
        }
    }

    /// Accepts nothing more, ends idle connections, lets requests finish.
    private func drain() {
        guard !value.isDraining else { return }
        for acceptor in value.acceptors { acceptor.retire() }
        value.isDraining = true
        for acceptor in value.acceptors { acceptor.destroy() }
        value.acceptors = []
        value.drainDeadline =
            value.wheel.value.now + UInt64(value.use.value.timeouts.drain)
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            current.drain()
        }
    }

    /// Time is up: what still runs is cut off.
    func endDrain() {
        // One that carries streams takes them with it.
        while let current = value.firstClient {
            if current.value.phase == .tunnel {
                current.cutTunnel(.drained)
            } else {
                current.abort()
            }
        }
    }
}

extension Ref<ClientConnection> {
    /// The gate is going away: an idle connection ends now, unless a request is already here; a
    /// new one gets a moment for its first request, which is on its way more often than not.
    func drain() {
        // A stream's request is its only one.
        guard value.carried == nil else { return }
        switch value.phase {
        case .idle, .proxyHeader:
            if value.stream.isReading { readable(toEnd: false) }
            guard value.phase == .idle || value.phase == .proxyHeader, !value.isHeld else {
                return
            }
            if value.hasServed {
                finish(.close)
            } else {
                value.deadline.set(ClientConnection.firstRequestTime)
            }
        case .exchange: value.exchange.endClientAfterwards()
        case .frames: value.http2?.drain()
        case .head, .tunnel, .draining, .lingering, .closed: break
        }
    }
}

extension HeaderBlock.Limits {
    init(_ limits: HeadLimits) {
        self.init(head: limits.head, target: limits.target, fields: limits.fields)
    }
}

extension Limits {
    var ofRequests: HeadLimits { HeadLimits(head: requestHead, target: target, fields: fields) }
    var ofResponses: HeadLimits {
        HeadLimits(head: responseHead, target: responseHead, fields: fields)
    }
}
