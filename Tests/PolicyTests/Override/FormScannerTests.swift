// Overrides in queries and urlencoded content, in every spelling that a framework undoes.

import HTTPSyntax
import Testing

@testable import Policy

struct FormScannerTests {
    @Test(arguments: [
        ("_method=DELETE", ["DELETE"]),
        ("a=1&_method=delete&b=2", ["DELETE"]),
        ("_method=PUT&_method=DELETE", ["PUT", "DELETE"]),
        ("a=1;_method=DELETE", ["DELETE"]),
        ("_method=PUT;DELETE", ["PUT"]),
        ("_method=+%09De%6cete%0d%0a+", ["DELETE"]),
        ("_method=%u0044ELETE", ["?"]), ("_method=%u0020", ["?"]),
        ("_method=DEL%00ETE", ["?"]),
        ("_method=DELETE%00", ["DELETE"]),
        ("_method=DELETE%2C+GET", ["?"]),
        ("_method=DELETE, GET", ["?"]),
        ("_method=%zz", ["%ZZ"]),
        ("_method=%E2%84%AA", ["?"]),
        ("_method=a=b", ["?"]),
        ("_method=M-SEARCH", ["M-SEARCH"]),
        ("_method=", []), ("_method", []), ("_method&a", []), ("_method=+%20", []), ("", []),
        ("&&=DELETE&;=&", []),
    ])
    func `a value is decoded, trimmed and read in upper case`(
        _ text: String, _ expected: [String]
    ) {
        #expect(Scans.form(text) == expected)
    }

    static let names = [
        "_method", "_METHOD", "_Method", ".method", "%5Fmethod", "%5fm%65thod", "%2Emethod",
        "+method", "%20method", " method", "%20%20_method", "+_method", "[_method]",
        "%5B_method%5D",
        "_method]", "_method[", "_method[]", "_method[x]", "_method%5B%5D", "_method%00",
        "_method%00x", "_method%00%ff", "_method%00%zz", "_method%00;x", "_method%00%;",
        "_method%00%", "_method%00%4",
        "_method[%]",
        "_method+", "_method%20", "__method", "..method", "%u005fmethod", "%U005Fmethod",
        "\r\n_method", "X-HTTP-Method-Override", "x-http-method-override", "x_http_method_override",
        "x-tunneled-method", "X-Tunneled-Method", "%58-tunneled_method%00",
        "[[]_method",
    ]

    @Test(arguments: names)
    func `a name counts in every spelling that a framework undoes`(_ name: String) {
        #expect(Scans.form("a=1&\(name)=DELETE&b=2") == ["DELETE"])
        #expect(Scans.form("\(name)=DELETE") == ["DELETE"])
    }

    @Test(arguments: [
        "method", "_methods", "_metho", "x_method", "a[_method]", "_method_", "_method.x",
        "_method%", "_method%5", "%_method", "%zz_method", "___method", "-method", "_meth%6",
        "_%6method", "x-http-method", "%25%35Fmethod", "_method%u00", "%u015fmethod",
        "%c1%9fmethod",
        "_met%0ahod", "_method-override", "x-tunneled", "x-http-tunneled-method",
        "x-thttp-method-override",
    ])
    func `other names do not`(_ name: String) {
        #expect(Scans.form("a=1&\(name)=DELETE&b=2") == [])
    }

    @Test func `a long value is no method, and what follows it is read`() {
        let long = String(repeating: "X", count: 300)
        #expect(Scans.form("_method=\(long)&_method=PUT") == ["?", "PUT"])
        let longest = String(repeating: "X", count: CollectedValue.limit)
        #expect(Scans.form("_method=\(longest)&a=b") == [longest])
        #expect(Scans.form(String(repeating: "%20", count: 1000) + "_method=PUT") == ["PUT"])
    }

    @Test func `long values of other parameters are passed over`() {
        let filler = String(repeating: "abc=%26x+", count: 200)
        #expect(
            Scans.form("a=\(filler)&_method=PUT&b=\(filler);.method=PATCH") == ["PUT", "PATCH"])
    }

    @Test func `a query is read as a whole, and again`() {
        let scratch = JudgeScratch()
        for _ in 0..<2 {
            let found = "a=1&_method=PUT&_method=%20&_method=delete".withView { query in
                var offset = 0
                var found: [String] = []
                while let value = scratch.override(inQuery: query, from: &offset) {
                    found.append(value.text.text)
                }
                return found
            }
            #expect(found == ["PUT", "DELETE"])
        }
        "".withView { query in
            var offset = 0
            #expect(scratch.override(inQuery: query, from: &offset) == nil)
        }
    }

    @Test(arguments: [
        ("DELETE", "DELETE"), ("delete", "DELETE"), ("\tPut ", "PUT"), ("GET, DELETE", "?"),
        ("DELETE,", "?"), ("\"DELETE\"", "?"), ("DE LETE", "?"), ("\u{a0}DELETE", "?"),
        (String(repeating: "x", count: 257), "?"),
    ])
    func `a field has one value, and a list is no method`(_ value: String, _ expected: String) {
        let scratch = JudgeScratch()
        let found = value.withView { scratch.override(inField: $0) }
        #expect(found.map { $0.isMethod ? $0.text.text : "?" } == expected)
    }

    @Test func `an empty field is no override`() {
        let scratch = JudgeScratch()
        #expect("".withView { scratch.override(inField: $0) == nil })
        #expect(" \t".withView { scratch.override(inField: $0) == nil })
    }
}
