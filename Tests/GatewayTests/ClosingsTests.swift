import Testing

@testable import Gateway

@Suite struct ClosingsTests {
    @Test func `a few are closed at once, the others in later rounds and in their order`() {
        var closings = Closings()
        let first = (0..<20).compactMap { closings.add($0) }
        #expect(first == Array(0..<8))
        #expect(closings.next() == nil)
        var rounds: [[Int32]] = []
        while !closings.isEmpty {
            closings.endRound()
            var round: [Int32] = []
            while let descriptor = closings.next() { round.append(descriptor) }
            rounds.append(round)
        }
        #expect(rounds == [Array(8..<16), Array(16..<20)])
    }

    @Test func `nobody is overtaken`() {
        var closings = Closings()
        for descriptor in 0..<9 { _ = closings.add(Int32(descriptor)) }
        closings.endRound()
        #expect(closings.add(9) == nil)
        #expect(closings.next() == 8)
        #expect(closings.next() == 9)
    }

    @Test func `no more than a bound of them wait`() {
        var closings = Closings()
        for descriptor in 0..<Closings.most + Closings.limit {
            _ = closings.add(Int32(descriptor))
        }
        #expect(closings.add(1000) == Int32(Closings.most))
        #expect(closings.add(1001) == Int32(Closings.most) + 1)
    }

    @Test func `all of them can be had`() {
        var closings = Closings()
        for descriptor in 0..<20 { _ = closings.add(Int32(descriptor)) }
        var rest: [Int32] = []
        while let descriptor = closings.takeFirst() { rest.append(descriptor) }
        #expect(rest == Array(8..<20) && closings.isEmpty)
    }
}
