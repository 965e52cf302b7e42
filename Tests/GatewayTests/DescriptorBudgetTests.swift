import Testing

@testable import Gateway

@Suite struct DescriptorBudgetTests {
    @Test(arguments: [64, 100, 256, 1024, 262_144], [1, 2, 4])
    func `clients and upstreams leave the reserve alone`(_ limit: Int, _ workers: Int) {
        for entries in [1, 3] {
            let budget = DescriptorBudget(
                limit: limit, workers: workers, listeners: entries * workers)
            for wanted in [nil, 1, 100, 1_000_000] {
                let count = budget.connections(wanted: wanted)
                #expect(count >= workers)
                #expect(count <= max(workers, wanted ?? .max))
                // Where there is not even room for one a worker, one each is all that is taken.
                #expect(2 * count + budget.reserve <= limit || count == workers)
            }
        }
    }

    @Test func `the usual limits give what they promise`() {
        let small = DescriptorBudget(limit: 64, workers: 2, listeners: 2)
        #expect(small.connections(wanted: nil) == 13)
        let burdened = DescriptorBudget(limit: 64, workers: 2, listeners: 2, strangers: 8)
        #expect(burdened.connections(wanted: nil) == 9)
        let service = DescriptorBudget(limit: 262_144, workers: 2, listeners: 2)
        #expect(service.connections(wanted: nil) > 130_900)
        #expect(service.connections(wanted: 10_000) == 10_000)
    }

    @Test(arguments: [(64, 2), (1024, 16), (4096, 64), (262_144, 64)])
    func `the operator has few connections where there are few descriptors`(
        _ limit: Int, _ count: Int
    ) {
        let budget = DescriptorBudget(limit: limit, workers: 2, listeners: 2)
        #expect(budget.connectionsOfEndpoint == count)
    }
}
