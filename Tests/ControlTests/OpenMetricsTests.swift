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

    @Test func `the older format names families as their samples, without units and an end`() {
        var page = OpenMetrics(.prometheus)
        page.begin("a", .counter, "Says \"hello\".")
        page.count(4)
        page.begin("b_bytes", .gauge, unit: "bytes", "Bytes.")
        page.sample("", [], "1")
        page.begin("c", .info, "What.")
        page.sample("_info", [("x", "\"")], "1")
        page.end()
        #expect(
            page.text == """
                # HELP a_total Says "hello".
                # TYPE a_total counter
                a_total 4
                # HELP b_bytes Bytes.
                # TYPE b_bytes gauge
                b_bytes 1
                # HELP c_info What.
                # TYPE c_info gauge
                c_info{x="\\""} 1

                """)
    }

    @Test(arguments: [
        ("", MetricsFormat.openMetrics), ("*/*", .openMetrics), ("text/html", .openMetrics),
        ("text/plain;version=0.0.4;q=1,*/*;q=0.1", .prometheus), ("Text/Plain", .prometheus),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
            .openMetrics
        ),
    ])
    func `who asks for nothing but the older format gets it`(accept: String, format: MetricsFormat)
    {
        #expect(MetricsFormat(accept: accept) == format)
    }

    @Test(arguments: [
        (UInt64(1000), "0.001"), (2500, "0.0025"), (1_000_000, "1.0"), (10_000_000, "10.0"),
    ])
    func `bounds of buckets are written in one way only`(microseconds: UInt64, text: String) {
        #expect(OpenMetrics.bound(microseconds: microseconds) == text)
    }
}
