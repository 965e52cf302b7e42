import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// From a judged request head to the end of its answer: the driver that performs what `Exchange`
// decides.

extension Ref<ClientConnection> {
    /// A whole head is in `worker.request`, and `bytes` begins with it: judge it, and forward or
    /// answer. How many bytes were used.
    func handle(_ bytes: MutableByteView) -> Int {
        let worker = value.worker
        let head = bytes.view.slice(0, worker.value.request.length)
        worker.value.isFollowed = bytes.count > head.count
        if value.origin.isTrusted { readChain(head) }
        if value.lacksTLS { return refuse(.plainHTTP, head: head, mayContinue: false) }
        if worker.value.request.flags.contains(.unknownExpectation) {
            return refuse(.expectationFailed, head: head, rule: worker.judge(head).0.rule)
        }
        if isMisdirected(head) { return refuse(.misdirected, head: head) }
        if worker.value.request.asksAboutGate { return answerAsterisk(head) }
        let (verdict, request) = worker.judge(head)
        switch verdict.outcome {
        case .forward: break
        case .answerOptions: return answerOptions(head, verdict)
        case .methodBlocked, .preflightBlocked, .overrideBlocked, .ambiguousPath, .malformedPath:
            guard verdict.isShadowed else {
                // A path that is malformed is so under any rule.
                if verdict.outcome != .malformedPath {
                    count(verdict.rule, request.method, .blocked)
                }
                return reject(head, verdict, request)
            }
        }
        var shadow: EventID?
        var watched: WatchedContent?
        var decision = verdict.isShadowed ? Decision.wouldBlock : .forwarded
        if worker.mayCarryOverride {
            switch judgeOverrides(head, verdict, request) {
            case .rejected(let used):
                count(verdict.rule, request.method, .blocked)
                return used
            case .passes(let content, let isRecorded, let record):
                watched = content
                shadow = record
                if isRecorded { decision = .wouldBlock }
            }
        }
        if value.carried?.value.asksTunnel == true, !mayTunnel(head, verdict.rule) {
            count(verdict.rule, request.method, .blocked)
            let policy = worker.value.use.value.snapshot.policy
            worker.describeAllowed(verdict, policy.facts(verdict.rule), policy)
            return refuse(
                Refusal(403, "the rule grants no WebSocket"), head: head, rule: verdict.rule,
                action: .methodBlocked)
        }
        if verdict.isShadowed { shadow = recordLifted(head, verdict, request) }
        if worker.isTooLong {
            return refuse(.contentTooLarge, head: head, rule: verdict.rule)
        }
        if worker.maxForwards(head) == 0 { return answerAsLastHop(head, verdict, request, shadow) }
        // What content is watched for is decided when that has ended.
        if watched == nil { count(verdict.rule, request.method, decision) }
        return forward(bytes, head, verdict, request, watched, shadow)
    }

    /// Counts what was decided, where anybody asks for counts.
    func count(_ rule: Int32, _ method: MethodID, _ decision: Decision) {
        guard let counting = useInForce.value.counting else { return }
        counting.with { $0.add(rule, method, decision) }
    }

    /// - Parameters:
    ///   - watched: content that may hold overrides.
    ///   - shadow: the id of the record that says it would have been blocked.
    private func forward(
        _ bytes: MutableByteView, _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest,
        _ watched: WatchedContent?, _ shadow: EventID?
    ) -> Int {
        let worker = value.worker
        value.content = BodyReader(worker.value.request.framing)
        value.contentCount = 0
        let rest = bytes.dropFirst(head.count)
        var consumed = 0
        var kept = 0
        if !worker.value.request.framing.isNone {
            let progress = value.content.take(rest, as: .framed)
            if let error = progress.error {
                return refuse(Refusal(error), head: head, rule: verdict.rule, mayContinue: false)
            }
            if let limit = worker.value.use.value.contentLimit, UInt64(progress.data) > limit {
                return refuse(.contentTooLarge, head: head, rule: verdict.rule, mayContinue: false)
            }
            consumed = progress.consumed
            value.contentCount = UInt64(progress.data)
            kept = progress.kept
        }
        takeNote(head, shadow)
        if let watched {
            watchContent(watched, head, verdict, request)
            guard judgeContent(rest.view.slice(0, kept)) else { return head.count + consumed }
        }
        beginExchange(head, verdict, request)
        if consumed > 0 { value.exchange.requestContentArrived() }
        if value.content.isComplete { value.exchange.requestContentEnded() }
        worker.writeRequestHead(head, of: self, verdict.rule)
        let backend = worker.value.use.value.policy.with { $0.backend(verdict.rule) }
        if let code = attachUpstream(backend) {
            return head.count + consumed + failUpstream(.unreachable(code), head: head)
        }
        // A stream may be refused whatever it is on.
        value.upstream?.value.canReplay =
            value.exchange.upstreamIsReused || value.upstream?.value.carried != nil
        sendUpstream(rest.view.slice(0, kept))
        if value.outbound.isEmpty { limitContent() } else { awaitReading() }
        return head.count + consumed
    }

    private func beginExchange(
        _ head: ByteView, _ verdict: Verdict, _ request: PolicyRequest
    ) {
        let worker = value.worker
        value.phase = .exchange
        value.use = worker.retainUse()
        value.exchange = Exchange(
            method: request.method, version: worker.value.request.version,
            flags: worker.value.request.flags, framing: worker.value.request.framing,
            mayBeOverridden: worker.mayHaveOverrideField)
        value.requestHops =
            worker.value.request.framing == .chunked
            ? ConnectionOption.others(in: head, fields: worker.value.request.fields) : 0
        value.rule = verdict.rule
        value.allowed = verdict.passing
        value.method = request.method
        value.isPreflight = request.isPreflight
        value.started = worker.value.now.microseconds
    }

    /// Sends the head in `worker.output` and the content that came with it.
    private func sendUpstream(_ content: ByteView) {
        let worker = value.worker
        let length = worker.value.output.count
        value.upstream?.remember(worker.value.output.view)
        if content.count <= Worker.copyLimit {
            worker.value.output.append(content)
            value.upstream?.send(worker.value.output.view, remembered: length)
        } else {
            value.upstream?.send(worker.value.output.view, remembered: length)
            value.upstream?.send(content)
        }
    }

    /// Takes a pooled connection or opens one; the errno where that fails at once.
    private func attachUpstream(_ backend: Int) -> Int32? {
        let pool = value.worker.value.use.value.pools[backend]
        // To a Unix socket, too, which does not tell when bytes came.
        let looks = looksFirst || pool.value.isUnix
        while let idle = pool.takeIdle() {
            if idle.value.stream.holdsInput || looks && !idle.value.stream.isSilent {
                idle.closeTaken()
                continue
            }
            idle.value.silence = Silence(
                brokenBefore: Clock.wallNanoseconds(), offset: value.worker.value.clockOffset,
                wasSeen: looks)
            idle.value.phase = .busy
            value.exchange.upstreamIsReused = true
            attach(idle)
            idle.startResponseDeadline()
            return nil
        }
        let (fresh, code) = openUpstream(pool)
        guard let fresh else { return code }
        attach(fresh)
        if fresh.value.phase == .busy { fresh.startResponseDeadline() }
        return nil
    }

    /// A request that cannot be sent again looks before it leaps.
    private var looksFirst: Bool {
        !value.exchange.isIdempotent || value.exchange.request != .complete
    }

    /// Opens a connection, at the cost of idle ones where no descriptor is left; or a stream on one
    /// that carries many.
    ///
    /// - Parameters:
    ///   - isFresh: not on one that may have gone the way of the last.
    ///   - old: what it takes the place of; it is closed afterwards.
    func openUpstream(
        _ pool: Ref<UpstreamPool>, isFresh: Bool = false,
        insteadOf old: Ref<UpstreamConnection>? = nil
    ) -> (connection: Ref<UpstreamConnection>?, code: Int32) {
        if pool.value.isHTTP2,
            let session = pool.roomySession(isFresh: isFresh, looks: looksFirst)
        {
            return (session.openStream(), 0)
        }
        // A stream gives no connection back.
        let replaced = old.map { $0.value.carried == nil ? 1 : 0 } ?? 0
        guard value.worker.limitUpstreams(replacing: replaced) else {
            return (nil, UpstreamFailure.noDescriptor)
        }
        let first = Ref<UpstreamConnection>.open(pool, on: value.worker)
        guard first.connection == nil, UpstreamFailure.isOurs(first.code),
            value.worker.closeIdleUpstreams()
        else { return first }
        return Ref<UpstreamConnection>.open(pool, on: value.worker)
    }

    /// A stream is as reused as what carries it.
    func attach(_ upstream: Ref<UpstreamConnection>) {
        value.upstream = upstream
        upstream.value.client = self
        if let carried = upstream.value.carried {
            value.exchange.upstreamIsReused = carried.value.session.value.received > 0
        }
    }

    // MARK: Request content

    /// Content of the running request; how many bytes were used.
    func processContent(_ bytes: MutableByteView) -> Int {
        // What follows a complete request is the next one: it waits for this answer.
        guard value.exchange.request == .content else { return 0 }
        if value.content.isAwaitingTrailers { return processTrailers(bytes.view) }
        let progress = value.content.take(bytes, as: .framed)
        value.exchange.requestContentArrived()
        value.contentCount += UInt64(progress.data)
        if let error = progress.error { return contentFailed(error, bytes.view) }
        if let limit = useInForce.value.contentLimit, value.contentCount > limit {
            return contentTooLarge(bytes.view)
        }
        let piece = bytes.view.slice(0, progress.kept)
        guard judgeContent(piece) else { return progress.consumed }
        value.upstream?.send(piece)
        requestProgressed()
        return progress.consumed
    }

    private func processTrailers(_ bytes: ByteView) -> Int {
        let worker = value.worker
        let (result, length) = TrailerSection.parse(
            bytes, into: &worker.value.request.fields, limits: useInForce.value.requestLimits)
        switch result {
        case .incomplete: return 0
        case .failed(let error): return contentFailed(error, bytes)
        case .complete:
            value.content.trailersDone()
            worker.writeTrailers(
                bytes, request: true, except: value.requestHops)
            value.upstream?.send(worker.value.output.view)
            requestProgressed()
            return length
        }
    }

    private func requestProgressed() {
        if value.content.isComplete { value.exchange.requestContentEnded() }
        limitContent()
        guard let upstream = value.upstream else { return }
        if upstream.value.phase == .busy { upstream.startResponseDeadline() }
    }

    /// The client broke the framing: the upstream must not take what it has for a request.
    private func contentFailed(_ error: ProtocolError, _ bytes: ByteView) -> Int {
        failContent(Refusal(error))
        return bytes.count
    }

    private func contentTooLarge(_ bytes: ByteView) -> Int {
        failContent(.contentTooLarge)
        return bytes.count
    }

    private func failContent(_ refusal: Refusal) {
        if value.exchange.hasAnswered {
            cutOff(.requestError, refusal.reason)
        } else {
            refuseRunning(refusal)
        }
    }

    /// The upstream has taken what was waiting for it.
    func resumeRequestContent() {
        guard value.phase != .tunnel else {
            tunnelReachedBackend()
            return
        }
        if value.phase == .exchange { limitContent() }
        resume()
    }
}
