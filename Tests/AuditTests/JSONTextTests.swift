import Foundation
import HTTPSyntax
import Testing

@testable import Audit

@Suite struct JSONTextTests {
    private func encoded(_ bytes: [UInt8], limit: Int = 2048) -> String {
        let result = text { $0.appendJSON(view(bytes), limit: limit) }
        #expect(result.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
        return result
    }

    private func decoded(_ text: String) -> String? {
        let data = Data("[\(text)]".utf8)
        return (try? JSONSerialization.jsonObject(with: data) as? [String])?.first
    }

    @Test(arguments: [
        ("plain", "plain"),
        (
            "a longer text of plain bytes 0123456789 {}<>&",
            "a longer text of plain bytes 0123456789 {}<>&"
        ),
        (#"say "hi""#, #"say \"hi\""#),
        (#"back\slash"#, #"back\\slash"#),
        ("line\nbreak\r\ttab", #"line\nbreak\r\ttab"#),
        ("\u{0}\u{1f}\u{7f}", #"\u0000\u001f\u007f"#),
        ("\u{80}\u{9f}", #"\u0080\u009f"#),
        ("\u{2028}\u{2029}\u{202e}\u{2066}\u{feff}", #"\u2028\u2029\u202e\u2066\ufeff"#),
        ("grüße €uro 𝄞 \u{10ffff}", "grüße €uro 𝄞 \u{10ffff}"),
    ])
    func `text keeps what can be shown and escapes what is obeyed`(
        source: String, expected: String
    ) {
        #expect(encoded(Array(source.utf8)) == "\"\(expected)\"")
        #expect(decoded(encoded(Array(source.utf8))) == source)
    }

    @Test(
        arguments: [
            ([0xff], #"\xff"#), ([0x80], #"\x80"#),
            // Overlong forms of a slash.
            ([0xc0, 0xaf], #"\xc0\xaf"#), ([0xe0, 0x80, 0xaf], #"\xe0\x80\xaf"#),
            ([0xf0, 0x80, 0x80, 0xaf], #"\xf0\x80\x80\xaf"#), ([0xc1, 0xbf], #"\xc1\xbf"#),
            // A surrogate, and beyond the last character.
            ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#),
            ([0xf4, 0x90, 0x80, 0x80], #"\xf4\x90\x80\x80"#),
            ([0xf5, 0x80, 0x80, 0x80], #"\xf5\x80\x80\x80"#),
            // Sequences that end early.
            ([0xe2, 0x82], #"\xe2\x82"#), ([0xe2, 0x82, 0x22], #"\xe2\x82""#),
            ([0xf0, 0x9d, 0x84, 0x41], #"\xf0\x9d\x84A"#), ([0xc3, 0xc3, 0xa4], #"\xc3ä"#),
        ] as [([UInt8], String)])
    func `bytes that are no UTF-8 are told in hexadecimal`(bytes: [UInt8], expected: String) {
        #expect(decoded(encoded(bytes)) == expected)
    }

    @Test func `every byte survives at every place of a word`() {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<17 {
                var bytes = [UInt8](repeating: 0x61, count: 17)
                bytes[place] = byte
                let scalar = Character(Unicode.Scalar(byte))
                let middle = byte < 0x80 ? String(scalar) : "\\x" + String(byte, radix: 16)
                let expected =
                    String(repeating: "a", count: place) + middle
                    + String(repeating: "a", count: 16 - place)
                guard decoded(encoded(bytes)) == expected else {
                    Issue.record("byte \(byte) at \(place): \(encoded(bytes))")
                    return
                }
            }
        }
    }

    @Test func `all pairs of bytes give valid JSON on one line`() {
        for first in UInt8.min...UInt8.max {
            var bytes: [UInt8] = []
            for second in UInt8.min...UInt8.max { bytes += [first, second] }
            #expect(decoded(encoded(bytes)) != nil)
        }
    }

    @Test func `a long text is cut and says how much is missing`() {
        let bytes = [UInt8](repeating: 0x61, count: 300)
        #expect(
            decoded(encoded(bytes, limit: 256)) == String(repeating: "a", count: 256)
                + "…[44 bytes more]")
        #expect(decoded(encoded(bytes, limit: 300)) == String(repeating: "a", count: 300))
    }

    @Test(arguments: 0..<5) func `a cut falls between characters`(limit: Int) {
        let cut = decoded(encoded(Array("a𝄞bc".utf8), limit: limit + 1))
        let kept = limit < 4 ? "a" : "a𝄞"
        #expect(cut == kept + "…[\(7 - kept.utf8.count) bytes more]")
    }

    @Test func `a cut among bytes that are no character keeps to its limit`() {
        #expect(
            decoded(encoded([UInt8](repeating: 0x80, count: 9), limit: 4))
                == #"\x80\x80\x80\x80…[5 bytes more]"#)
    }
}
