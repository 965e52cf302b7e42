import Testing

@testable import Control

@Suite struct OpenMetricsTests {
    @Test func `a page has types, help, samples and its end`() {
        var page = OpenMetrics()
        page.begin("a_b", .counter, "Says \"hello\"\nand \\ more.")
        page.count([("rule", "x\"y\\z\n")], 3)
        page.count(4)
        page.end()
        #expect(
            page.text == """
                # TYPE a_b counter
                # HELP a_b Says \\"hello\\"\\nand \\\\ more.
                a_b_total{rule="x\\"y\\\\z\\n"} 3
                a_b_total 4
                # EOF

                """)
    }

    @Test(arguments: [
        (UInt64(0), "0.000000"), (1, "0.000001"), (1000, "0.001000"), (12_345_678, "12.345678"),
    ])
    func `seconds are decimal numbers`(microseconds: UInt64, text: String) {
        #expect(OpenMetrics.seconds(microseconds: microseconds) == text)
    }
}
