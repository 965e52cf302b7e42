// Which content is inspected, and which cannot be.

import HTTPSyntax
import Testing

@testable import Policy

struct ContentReadingTests {
    static func reading(_ types: [String], coding: [String] = []) -> String {
        var reading = ContentReading()
        func add(_ index: Int) -> String {
            if index < types.count {
                return types[index].withView {
                    reading.add(contentType: $0)
                    return add(index + 1)
                }
            }
            for value in coding { value.withView { reading.add(contentEncoding: $0) } }
            reading.settle()
            if let obstacle = reading.obstacle { return "\(obstacle)" }
            var kinds: [String] = []
            if reading.isForm { kinds.append("form") }
            if reading.isMultipart { kinds.append("multipart \(reading.boundary.text)") }
            if reading.isJSON { kinds.append("json") }
            return kinds.joined(separator: " + ")
        }
        return add(0)
    }

    @Test(arguments: [
        ("application/x-www-form-urlencoded", "form"),
        ("APPLICATION/X-WWW-Form-URLEncoded;charset=UTF-8", "form"),
        ("application/x-url-encoded", "form"),
        ("application/x-www-form-urlencoded, text/plain", "form"),
        ("text/plain; a=application/x-www-form-urlencoded", "form"),
        ("", "form"), (" ", "form"),
        ("application/json", "json"), ("application/vnd.api+JSON; charset=utf-8", "json"),
        ("application/x-www-form-urlencoded; a=/json", "form + json"),
        ("text/plain", ""), ("application/octet-stream", ""), ("image/png; charset=utf-16", ""),
        ("multipart/form-data; boundary=abc", "multipart abc"),
        ("Multipart/Form-Data; Boundary=\"abc\"", "multipart abc"),
        ("multipart/form-data; charset=utf-8; boundary=abc", "multipart abc"),
        ("multipart/form-data; boundary=abc; charset=\"utf-8\"", "multipart abc"),
        ("multipart/form-data; boundary=abc;charset=utf-8", "multipart abc"),
        ("multipart/form-data; boundary=\"abc\" ; charset=utf-8", "multipart abc"),
        (
            "multipart/form-data;boundary=----WebKitFormBoundary0123456789abcdef",
            "multipart ----WebKitFormBoundary0123456789abcdef"
        ),
        ("multipart/form-data boundary=*****", "multipart *****"),
        ("multipart/mixed; boundary=----=_Part_1_2.3", "multipart ----=_Part_1_2.3"),
        ("multipart/related; type=\"application/json\"; boundary=a", "multipart a + json"),
    ])
    func `content is read by its type, wherever that stands in the value`(
        _ type: String, _ expected: String
    ) {
        #expect(Self.reading([type]) == expected)
    }

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary", "multipart/form-data; boundary=",
        "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"abc",
        "multipart/form-data; boundary=a,b", "multipart/form-data; boundary=\"a;b\"",
        "multipart/form-data; boundary=\"a\\b\"", "multipart/form-data; boundary=a b",
        "multipart/form-data; boundary=a ; charset=utf-8", "multipart/form-data; boundary =a",
        "multipart/form-data; boundary=<abc>", "multipart/form-data; boundary=\"<abc>\"",
        "multipart/form-data; boundary= a", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; xBoundary=b",
        "multipart/form-data; xboundary=a; boundary=b",
        "multipart/form-data; boundary*=utf-8''a", "multipart/form-data; boundary*0=a",
        "multipart/form-data; boundary=\"a\"b", "multipart/form-data; a=\"boundary\"; boundary=b",
        "multipart/form-data; boundary=" + String(repeating: "a", count: 71),
    ])
    func `a boundary that readers may take in different ways is an obstacle`(_ type: String) {
        #expect(Self.reading([type]) == "boundary")
    }

    @Test(arguments: [
        "utf-16", "UTF-16LE", "utf-32", "utf-7", "ibm037", "cp500", "iso-2022-jp", "hz-gb-2312",
        "x", "\"utf-16\"",
    ])
    func `a charset that hides ASCII is an obstacle`(_ charset: String) {
        let form = "application/x-www-form-urlencoded; charset="
        #expect(Self.reading([form + charset]) == "charset")
        #expect(Self.reading([form + "utf-8; charset =" + charset]) == "charset")
        #expect(Self.reading(["multipart/form-data; boundary=a; Charset=" + charset]) == "charset")
    }

    @Test(arguments: ["utf-8", "UTF8", "\"iso-8859-1\"", "windows-1252", "Shift_JIS", "gbk", ""])
    func `a charset that keeps ASCII is none`(_ charset: String) {
        #expect(Self.reading(["application/x-www-form-urlencoded; charset=" + charset]) == "form")
    }

    @Test func `a charset without a plain value is an obstacle`() {
        #expect(
            Self.reading(["application/x-www-form-urlencoded; charset*=utf-8''utf-16"]) == "charset"
        )
        #expect(Self.reading(["application/x-www-form-urlencoded; charset"]) == "charset")
    }

    @Test func `a charset of JSON that hides ASCII is an obstacle`() {
        #expect(Self.reading(["application/json; charset=utf-16"]) == "charset")
        #expect(Self.reading(["application/json; charset=utf-8"]) == "json")
        #expect(Self.reading(["text/plain; charset=utf-16"]) == "")
    }

    @Test func `coded forms are an obstacle, coded JSON is read as if it were not`() {
        #expect(Self.reading(["application/x-www-form-urlencoded"], coding: ["gzip"]) == "coded")
        #expect(Self.reading(["multipart/form-data; boundary=a"], coding: ["", "br"]) == "coded")
        #expect(Self.reading([], coding: ["gzip"]) == "coded")
        #expect(Self.reading(["application/json"], coding: ["gzip"]) == "json")
        #expect(Self.reading(["application/json"], coding: ["Identity", ""]) == "json")
    }

    @Test func `too long a type, and too many, are an obstacle`() {
        let long = String(repeating: "a", count: 1025)
        #expect(Self.reading(["text/" + long]) == "types")
        #expect(Self.reading(Array(repeating: "text/plain", count: 4)) == "")
        #expect(Self.reading(Array(repeating: "text/plain", count: 5)) == "types")
    }

    @Test func `several lines count together`() {
        #expect(Self.reading(["text/plain", "application/json"]) == "json")
        #expect(Self.reading(["text/plain", "application/x-www-form-urlencoded"]) == "form")
        #expect(Self.reading(["text/plain", "multipart/form-data; boundary=a"]) == "boundary")
        #expect(
            Self.reading(["application/x-www-form-urlencoded", "multipart/form-data; boundary=a"])
                == "types")
        #expect(Self.reading([]) == "form")
    }
}
