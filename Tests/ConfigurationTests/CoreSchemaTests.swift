import Testing

@testable import Configuration

@Suite struct CoreSchemaTests {
    @Test(arguments: [
        "0", "7", "-7", "+7", "007", "1.5", "1.", ".5", "-.5", "1e3", "1.5E-3", "1.e+3", "0x1f",
        "0o17", ".inf", "-.Inf", "+.INF", ".nan",
    ])
    func `a number is no text`(text: String) {
        #expect(CoreSchema.type(of: text) == "a number")
    }

    @Test(arguments: ["true", "True", "TRUE", "false", "False", "FALSE"])
    func `a boolean is no text`(text: String) {
        #expect(CoreSchema.type(of: text) == "a boolean")
    }

    @Test(arguments: [
        "", "GET", "tRUE", "yes", "on", "-", "+", ".", "-.", "e3", ".e3", "1e", "1e+", "1.5.2",
        "0x", "0o8", "0xg", "-0x1", "1_000", "1:30", "2026-01-01", ".NaNs", "inf", "nan", "-.nan",
    ])
    func `everything else is`(text: String) {
        #expect(CoreSchema.type(of: text) == nil)
    }
}
