// Overrides in JSON content: members of the outermost object only.

import Foundation
import HTTPSyntax
import Testing

@testable import Policy

struct JSONScannerTests {
    @Test(arguments: [
        (#"{"_method":"DELETE"}"#, ["DELETE"]),
        (#" {"a":1, "_method" : "delete" , "b":[1,{"c":"d"}]}"#, ["DELETE"]),
        ("\u{feff}{\"_method\":\"PUT\"}", ["PUT"]),
        (#"{"\u005fmethod":"D\u0045LETE"}"#, ["DELETE"]),
        (#"{"_\u006Dethod":" PUT\n"}"#, ["PUT"]),
        (#"{"_METHOD":"PUT","_method":"PATCH"}"#, ["PUT", "PATCH"]),
        (#"{"a":{"b":{"c":[{}]}},"_method":"PUT"}"#, ["PUT"]),
        (#"{"a":"\"","_method":"PUT"}"#, ["PUT"]),
        (#"{"a":"\\","_method":"PUT"}"#, ["PUT"]),
        (#"{"a":"{[","_method":"PUT"}"#, ["PUT"]),
        (#"{"_method":"PUT\u00e9"}"#, ["?"]),
        (#"{"_method":"P\/UT"}"#, ["?"]),
        (#"{"_method":""}"#, []),
        (#"{"_method":null,"a":"PUT"}"#, []),
        (#"{"_method":["PUT"]}"#, []),
        (#"{"_method":{"_method":"PUT"}}"#, []),
        (#"{"a":{"_method":"PUT"}}"#, []),
        (#"[{"_method":"PUT"}]"#, []),
        (#"{"a":"_method","b":"PUT"}"#, []),
        (#"{"a":"\"_method\":\"PUT\""}"#, []),
        (#"{"a":1}{"_method":"PUT"}"#, []),
        (#""_method""#, []), ("_method=PUT", []), ("", []), ("{", []),
    ])
    func `members of the outermost object count`(_ text: String, _ expected: [String]) {
        #expect(Scans.json(text) == expected)
    }

    @Test(arguments: [
        String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32, .utf32LittleEndian,
        .utf32BigEndian,
    ])
    func `what is not written in UTF-8 cannot be read`(_ encoding: String.Encoding) throws {
        for text in [#"{"_method":"PUT"}"#, " \n{}", "\u{feff}{}"] {
            let bytes = [UInt8](try #require(text.data(using: encoding)))
            #expect(
                Scans.overridesHoweverCut(in: bytes, type: "application/json") == ["?"], "\(text)")
        }
    }

    @Test func `what is no object is left alone, whatever its bytes`() {
        let coded: [[UInt8]] = [[0x1f, 0x8b, 8, 0, 0x7b, 0], [0x28, 0xb5, 0x2f, 0xfd, 0x7b, 0]]
        for bytes in coded + [[0x5b, 0, 0x7b, 0]] {
            #expect(Scans.overridesHoweverCut(in: bytes, type: "application/json") == [])
        }
    }

    @Test func `a long value is no method`() {
        #expect(Scans.json("{\"_method\":\"\(String(repeating: "x", count: 300))\"}") == ["?"])
    }
}
