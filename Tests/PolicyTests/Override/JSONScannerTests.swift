// Overrides in JSON content: members of the outermost object only.

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

    @Test func `a long value is no method`() {
        #expect(Scans.json("{\"_method\":\"\(String(repeating: "x", count: 300))\"}") == ["?"])
    }
}
