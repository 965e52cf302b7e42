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
                more: unsafe .timer(base, workerGoesOn, context),
                log: WriteAhead(index: index, snapshot: snapshot, process: process),
                clients: clients, counters: counters, redirects: redirects,
                request: RequestHead(maximumFields: settings.limits.fields),
                response: ResponseHead(maximumFields: settings.limits.fields),
                requestLimits: settings.limits.ofRequests,
                responseLimits: settings.limits.ofResponses,
                answerHead: answerHead(settings.limits),
                answerFields: answerFields(settings.limits),
                sentHead: sentHead(settings.limits), sentFields: sentFields(settings.limits),
                ids: ids, now: now,
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

    private static func sentHead(_ limits: Limits) -> RequestHead {
        RequestHead(maximumFields: limits.fields + 32)
    }

    private static func sentFields(_ limits: Limits) -> FieldList {
        FieldList(capacity: limits.fields + 32)
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
        let pools = zip(snapshot.addresses, settings.backends).map(pool)
        for pool in pools { pool.retain() }
        value.use = Ref<SnapshotUse>.make(SnapshotUse(snapshot: snapshot, pools: pools))
        for pool in value.pools where !pools.contains(pool) { pool.retire() }
        if old.value.users == 0 { value.retiredUses.append(old) }
        // Requests that run have the room that they began with.
        if settings.limits.fields > value.request.fields.capacity {
            value.request = RequestHead(maximumFields: settings.limits.fields)
            value.response = ResponseHead(maximumFields: settings.limits.fields)
            value.answerHead = Self.answerHead(settings.limits)
            value.answerFields = Self.answerFields(settings.limits)
            value.sentHead = Self.sentHead(settings.limits)
            value.sentFields = Self.sentFields(settings.limits)
        }
        value.requestLimits = settings.limits.ofRequests
        value.responseLimits = settings.limits.ofResponses
        value.answers.removeAll()
        value.log.adopt(snapshot)
        value.log.stream.appendConfigurationLoaded(
            at: value.now, policyDigest: settings.policyDigest.bytes,
            file: settings.files.first ?? "",
            ruleCount: snapshot.policy.ruleCount)
        reassessClients()
        limitFields()
        listen(on: listeners)
    }

    /// The pool for a backend: the same one over reloads, where nothing about how it is spoken to has
    /// changed.
    private func pool(_ address: SocketAddress, _ backend: Backend) -> Ref<UpstreamPool> {
        let text = address.text
        for pool in value.pools where pool.value.addressText == text && pool.isAlike(backend) {
            pool.value.isRetired = false
            pool.value.tls = backend.tls?.context
            return pool
        }
        let pool = Ref<UpstreamPool>.make(
            UpstreamPool(
                address: address, text: text, tls: backend.tls?.context,
                isHTTP2: backend.isHTTP2))
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
            acceptor.value.tls = use.tls
            acceptor.value.allowsHTTP2 = use.allowsHTTP2
        }
        endOutdated()
    }

    /// Connections of HTTP/2 check fields before they are a head.
    private func limitFields() {
        var client = value.firstClient
        while let current = client {
            client = current.value.next
            current.value.http2?.value.session.adopt(HeaderBlock.Limits(value.requestLimits))
        }
        for pool in value.pools {
            var session = pool.value.firstSession
            while let current = session {
                session = current.value.next
                current.value.frames.adopt(HeaderBlock.Limits(value.responseLimits))
            }
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
