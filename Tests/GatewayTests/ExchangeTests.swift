import HTTPSyntax
import Testing

@testable import Gateway

/// Whether `==` would need more than the enum has.
private func isSame(_ left: Exchange.HeadAction, _ right: Exchange.HeadAction) -> Bool {
    left == right
}

private func exchange(
    _ method: MethodID = .get, _ version: HTTPVersion = .http11, _ flags: HeadFlags = [],
    _ framing: BodyFraming = .none
) -> Exchange {
    Exchange(method: method, version: version, flags: flags, framing: framing)
}

extension Exchange {
    fileprivate mutating func answer(
        _ status: Int = 200, _ version: HTTPVersion = .http11, _ flags: HeadFlags = [],
        _ framing: BodyFraming = .length(5)
    ) -> HeadAction {
        responseBytesArrived()
        return responseHeadArrived(
            status: status, version: version, flags: flags, framing: framing)
    }
}

@Suite struct ExchangeTests {
    // MARK: Requests

    @Test(arguments: [
        (BodyFraming.none, Exchange.Progress.complete), (.length(1), .content),
        (.chunked, .content),
    ])
    func `a request is whole with its head unless content follows`(
        _ framing: BodyFraming, _ progress: Exchange.Progress
    ) {
        let new = exchange(.post, .http11, [], framing)
        #expect(new.request == progress)
        #expect(new.response == .head)
        #expect(!new.hasAnswered && !new.hasResponseBytes && !new.hasSentBytes)
    }

    @Test func `nothing runs before the first request`() {
        #expect(Exchange().request == .complete && Exchange().response == .complete)
    }

    @Test(arguments: [
        (HTTPVersion.http11, HeadFlags(), true), (.http11, .close, false),
        (.http11, .keepAlive, true), (.http11, HeadFlags([.close, .keepAlive]), false),
        (.http10, HeadFlags(), false),
        (.http10, .keepAlive, true), (.http10, HeadFlags([.close, .keepAlive]), false),
    ])
    func `a connection persists by version and options`(
        _ version: HTTPVersion, _ flags: HeadFlags, _ persists: Bool
    ) {
        #expect(Exchange.persists(version, flags) == persists)
        #expect(exchange(.get, version, flags).clientPersists == persists)
        var answered = exchange()
        _ = answered.answer(200, version, flags)
        #expect(answered.upstreamPersists == persists)
        #expect(answered.clientPersists)
    }

    @Test(arguments: [
        (HTTPVersion.http11, HeadFlags.expectContinue, BodyFraming.length(1), true),
        (.http11, .expectContinue, .chunked, true), (.http11, .expectContinue, .none, false),
        (.http11, HeadFlags(), .length(1), false), (.http10, .expectContinue, .length(1), false),
    ])
    func `a client waits for 100 if it says so, speaks HTTP 1.1 and has content`(
        _ version: HTTPVersion, _ flags: HeadFlags, _ framing: BodyFraming, _ waits: Bool
    ) {
        #expect(exchange(.put, version, flags, framing).awaitsContinue == waits)
    }

    @Test func `a client waits no longer once it sends, is whole, or got its 100`() {
        let waiting = exchange(.put, .http11, .expectContinue, .length(9))
        var sending = waiting
        sending.requestContentArrived()
        #expect(!sending.awaitsContinue)
        var whole = waiting
        whole.requestContentEnded()
        #expect(!whole.awaitsContinue && whole.request == .complete)
        var told = waiting
        #expect(isSame(told.answer(100), .interim(forward: true)))
        #expect(!told.awaitsContinue)
        var hinted = waiting
        #expect(isSame(hinted.answer(103), .interim(forward: true)))
        #expect(hinted.awaitsContinue)
    }

    // MARK: Answers

    @Test(arguments: [100, 102, 103, 199])
    func `an interim answer goes to those who know it, and the final one is still owed`(
        _ status: Int
    ) {
        var new = exchange()
        #expect(isSame(new.answer(status, .http11, [], .none), .interim(forward: true)))
        #expect(new.response == .head && !new.hasAnswered && new.hasResponseBytes)
        var old = exchange(.get, .http10)
        #expect(isSame(old.answer(status, .http11, [], .none), .interim(forward: false)))
    }

    @Test func `a switch of protocols that nobody asked for is refused`() {
        var new = exchange()
        #expect(isSame(new.answer(101), .refuse))
        #expect(!new.hasAnswered)
    }

    @Test(arguments: [
        (true, HTTPVersion.http11, HeadFlags.upgrade, BodyFraming.untilClose, true),
        (true, .http11, HeadFlags([.upgrade, .close]), .untilClose, true),
        (false, .http11, .upgrade, .untilClose, false),
        (true, .http11, HeadFlags(), .untilClose, false),
        (true, .http10, .upgrade, .untilClose, false), (true, .http11, .upgrade, .none, false),
        (true, .http11, .upgrade, .length(1), false), (true, .http11, .upgrade, .chunked, false),
    ])
    func `a switch that was asked for says so, and has no content`(
        _ asks: Bool, _ version: HTTPVersion, _ flags: HeadFlags, _ framing: BodyFraming,
        _ isRight: Bool
    ) {
        var new = exchange()
        if asks { new.askUpgrade() }
        #expect(isSame(new.answer(103), .interim(forward: true)))
        #expect(isSame(new.answer(101, version, flags, framing), isRight ? .handshake : .refuse))
        // Until the handshake has been looked at, another answer can be given.
        #expect(!new.hasAnswered && new.response == .head)
    }

    @Test func `after a switch neither connection carries another request`() {
        var new = exchange()
        new.askUpgrade()
        _ = new.answer(101, .http11, .upgrade, .untilClose)
        new.switchProtocols()
        #expect(new.hasAnswered && new.response == .content)
        #expect(!new.clientPersists && !new.upstreamPersists)
    }

    @Test(arguments: [200, 400, 426])
    func `another answer than a switch is an ordinary one`(_ status: Int) {
        var new = exchange()
        new.askUpgrade()
        #expect(isSame(new.answer(status), .final(.length(5))))
        new.responseContentEnded()
        #expect(new.completion(surplus: false) == .init(keepsUpstream: true, client: .keep))
    }

    @Test(arguments: [
        (MethodID.get, 200, BodyFraming.length(5), BodyFraming.length(5)),
        (.get, 200, .chunked, .chunked), (.get, 200, .untilClose, .untilClose),
        (.get, 200, .none, .none), (.head, 200, .length(5), .none), (.head, 200, .chunked, .none),
        (.head, 200, .untilClose, .none), (.head, 404, .untilClose, .none),
        (.get, 204, .length(5), .none), (.get, 204, .untilClose, .none),
        (.get, 304, .length(5), .none), (.get, 304, .chunked, .none),
        (.get, 205, .length(5), .length(5)), (.post, 500, .chunked, .chunked),
    ])
    func `an answer's content ends as its status and the request say`(
        _ method: MethodID, _ status: Int, _ framing: BodyFraming, _ actual: BodyFraming
    ) {
        var new = exchange(method)
        #expect(isSame(new.answer(status, .http11, [], framing), .final(actual)))
        #expect(new.hasAnswered)
        #expect(new.response == (actual == .none ? .complete : .content))
        #expect(new.isUntilClose == (actual == .untilClose))
        // An answer without content says nothing about the connection by its framing.
        #expect(new.upstreamPersists == (actual != .untilClose))
        #expect(new.clientPersists == (actual != .untilClose))
    }

    @Test func `chunks end an HTTP 1.0 client's connection, a length does not`() {
        var chunked = exchange(.get, .http10, .keepAlive)
        _ = chunked.answer(200, .http11, [], .chunked)
        #expect(!chunked.clientPersists && chunked.upstreamPersists)
        var counted = exchange(.get, .http10, .keepAlive)
        _ = counted.answer(200, .http11, [], .length(3))
        #expect(counted.clientPersists)
    }

    @Test func `an answer instead of 100 ends the client's connection`() {
        var new = exchange(.put, .http11, .expectContinue, .length(9))
        _ = new.answer(413)
        #expect(!new.clientPersists)
    }

    // MARK: Ends

    @Test func `whole and whole keeps both connections`() {
        var new = exchange()
        _ = new.answer(200, .http11, [], .none)
        #expect(new.completion(surplus: false) == .init(keepsUpstream: true, client: .keep))
        #expect(new.completion(surplus: true) == .init(keepsUpstream: false, client: .keep))
    }

    @Test func `an answer to half a request keeps neither`() {
        var new = exchange(.post, .http11, [], .length(9))
        _ = new.answer()
        new.responseContentEnded()
        #expect(new.completion(surplus: false) == .init(keepsUpstream: false, client: .linger))
    }

    @Test(arguments: [HeadFlags(), .close])
    func `an upstream that closes is not kept, its client is`(_ flags: HeadFlags) {
        var new = exchange()
        _ = new.answer(200, .http11, flags, .none)
        let completion = new.completion(surplus: false)
        #expect(completion.keepsUpstream == (flags == []))
        #expect(completion.client == .keep)
    }

    @Test func `the client's connection ends after it said close, and when the gate goes`() {
        var closing = exchange(.get, .http11, .close)
        _ = closing.answer(200, .http11, [], .none)
        #expect(closing.completion(surplus: false) == .init(keepsUpstream: true, client: .linger))
        var leaving = exchange()
        leaving.endClientAfterwards()
        _ = leaving.answer(200, .http11, [], .none)
        #expect(leaving.completion(surplus: false).client == .linger)
    }

    // MARK: Losing the upstream

    struct Loss: Sendable {
        var method = MethodID.get
        var isReused = true
        var hasSent = true
        var hasBytes = false
        var canReplay = true
        var expected: Exchange.UpstreamLoss
    }

    @Test(arguments: [
        Loss(expected: .retry), Loss(method: .put, expected: .retry),
        Loss(method: .delete, expected: .retry), Loss(method: .post, expected: .answer),
        Loss(method: .patch, expected: .answer), Loss(method: .unknown, expected: .answer),
        Loss(method: .post, hasSent: false, expected: .retry),
        Loss(method: .unknown, hasSent: false, expected: .retry),
        Loss(isReused: false, expected: .answer), Loss(hasBytes: true, expected: .answer),
        Loss(canReplay: false, expected: .answer),
        Loss(method: .post, hasSent: false, canReplay: false, expected: .answer),
        Loss(isReused: false, hasSent: false, expected: .answer),
    ])
    func `a request is sent again only where nothing can have come of it`(_ loss: Loss) {
        for isClean in [true, false] {
            var new = exchange(loss.method)
            new.upstreamIsReused = loss.isReused
            new.hasSentBytes = loss.hasSent
            if loss.hasBytes { new.responseBytesArrived() }
            #expect(
                new.upstreamLost(cleanly: isClean, canReplay: loss.canReplay) == loss.expected)
        }
    }

    @Test func `a request that its fields may make another one is not sent again`() {
        for (isOverridden, expected) in [(true, Exchange.UpstreamLoss.answer), (false, .retry)] {
            var new = Exchange(
                method: .get, version: .http11, flags: [], framing: .none,
                mayBeOverridden: isOverridden)
            new.upstreamIsReused = true
            new.hasSentBytes = true
            #expect(new.upstreamLost(cleanly: true, canReplay: true) == expected)
            #expect(new.mayRepeat(canReplay: true) == !isOverridden)
        }
    }

    @Test func `a request is sent again once`() {
        var new = exchange()
        new.upstreamIsReused = true
        new.hasSentBytes = true
        #expect(new.upstreamLost(cleanly: true, canReplay: true) == .retry)
        new.restart()
        #expect(!new.hasSentBytes)
        new.hasSentBytes = true
        #expect(new.upstreamLost(cleanly: true, canReplay: true) == .answer)
    }

    @Test func `after an interim answer it is not sent again`() {
        var new = exchange()
        new.upstreamIsReused = true
        _ = new.answer(103)
        #expect(new.upstreamLost(cleanly: true, canReplay: true) == .answer)
    }

    @Test(arguments: [
        (MethodID.post, Exchange.Fate.unprocessed, true, Exchange.UpstreamLoss.retry),
        (.get, .unprocessed, true, .retry), (.post, .unprocessed, false, .answer),
        (.get, .processed, true, .answer), (.post, .unknown, true, .answer),
        (.get, .unknown, true, .retry),
    ])
    func `what an upstream has not acted on goes again, and what it refused does not`(
        _ method: MethodID, _ fate: Exchange.Fate, _ canReplay: Bool,
        _ expected: Exchange.UpstreamLoss
    ) {
        var new = exchange(method)
        new.upstreamIsReused = true
        new.hasSentBytes = true
        #expect(new.upstreamLost(cleanly: false, canReplay: canReplay, fate: fate) == expected)
    }

    @Test func `it goes again three times, and not behind an interim answer`() {
        var new = exchange(.post)
        for _ in 0..<3 {
            #expect(
                new.upstreamLost(cleanly: false, canReplay: true, fate: .unprocessed) == .retry)
            new.restart()
        }
        #expect(new.upstreamLost(cleanly: false, canReplay: true, fate: .unprocessed) == .answer)
        var begun = exchange(.post)
        begun.responseBytesArrived()
        #expect(
            begun.upstreamLost(cleanly: false, canReplay: true, fate: .unprocessed) == .answer)
        _ = begun.answer(200)
        #expect(begun.upstreamLost(cleanly: false, canReplay: true, fate: .unprocessed) == .abort)
    }

    @Test func `what got no answer of its own is asked again where that does no harm`() {
        for (method, mayRepeat) in [(MethodID.get, true), (.put, true), (.post, false)] {
            var new = exchange(method)
            new.upstreamIsReused = true
            new.hasSentBytes = true
            #expect(new.mayRepeat(canReplay: true) == mayRepeat)
            #expect(!new.mayRepeat(canReplay: false))
            _ = new.answer(103)
            #expect(new.mayRepeat(canReplay: true) == mayRepeat)
            _ = new.answer(200)
            #expect(!new.mayRepeat(canReplay: true))
        }
    }

    @Test(arguments: [
        (BodyFraming.untilClose, true, Exchange.UpstreamLoss.complete),
        (.untilClose, false, .abort), (.length(5), true, .abort), (.length(5), false, .abort),
        (.chunked, true, .abort),
    ])
    func `an answer that is cut short cuts the client off, unless that was its end`(
        _ framing: BodyFraming, _ isClean: Bool, _ loss: Exchange.UpstreamLoss
    ) {
        var new = exchange()
        new.upstreamIsReused = true
        _ = new.answer(200, .http11, [], framing)
        #expect(new.upstreamLost(cleanly: isClean, canReplay: true) == loss)
    }

    @Test func `an exchange is a few bytes`() {
        #expect(MemoryLayout<Exchange>.size <= 16)
    }
}
