// Overrides in multipart content: every way to write a part's head that some framework reads, and
// a delimiter wherever it stands.

import HTTPSyntax
import Testing

@testable import Policy

struct MultipartScannerTests {
    static let disposition = "Content-Disposition: form-data; name="

    @Test(arguments: [
        disposition + "\"_method\"", disposition + "_method", disposition + "'_method'",
        disposition + "_method; filename=x", disposition + "\"_method\"; filename=\"x\"",
        "Content-Disposition: form-data; filename=\"x\"; name=\"_method\"",
        "content-disposition:form-data;name=_method",
        "CONTENT-DISPOSITION: FORM-DATA; NAME=\"_METHOD\"",
        "Content-Type: text/plain\r\n" + disposition + "\"_method\"\r\nX-A: b",
        disposition + "\r\n \"_method\"", "Content-Disposition: form-data;\r\n\tname=\"_method\"",
        disposition + "\"\\_me\\thod\"", disposition + "\"_method[]\"",
        disposition + "\" _method\"",
        disposition + "\".method\"", disposition + "\" method\"", disposition + "\"_method\0x\"",
        disposition + "\"_method", disposition + "_method\0", "Content-ID: _method",
        "Content-ID: <_method>", "X-Content-Disposition: form-data; name=\"_method\"",
        "Content-Disposition: form-data; name*=utf-8''_method",
        "Content-Disposition: form-data; name*=UTF-8''%5Fmethod",
        "Content-Disposition: form-data; name*=iso-8859-1'en'%5fm%65thod",
        "Content-Disposition: form-data; name*=\"utf-8''_method\"",
        "Content-Disposition: form-data; name*=''_method",
        disposition + "a; name=_method", disposition + "\"X-HTTP-Method-Override\"",
        "Content-Disposition: form-data; a=\"\\\"; name=\"_method\"",
    ])
    func `a part counts however its head names it`(_ head: String) {
        #expect(Scans.part(head) == ["DELETE"])
        #expect(Scans.part(head, value: "put") == ["PUT"])
    }

    @Test(arguments: [
        disposition + "\"method\"", disposition + "\"x_method\"", disposition + "_methods",
        disposition + "\"a\"; filename=\"x_method.txt\"", "Content-Disposition: form-data", "",
        "Content-Disposition: form-data; method=_met",
        "Content-Disposition: form-data; name=\"a\"; filename*0=\"b\"; filename*1=c",
        "Content-Disposition: form-data; name=\"a\"; filename=\"=?utf-8?B?X21ldGhvZA==?=\"",
        "Content-Disposition: form-data; name*=utf-8''caf%C3%A9",
        "Content-Disposition: form-data; name=\"a\"; method=\"PUT\"",
    ])
    func `other parts do not`(_ head: String) {
        #expect(Scans.part(head) == [])
    }

    @Test(arguments: [
        "Content-Disposition: form-data; name*0=\"_met\"; name*1=\"hod\"",
        "Content-Disposition: form-data; name*0*=utf-8''_met; name*1*=hod",
        "Content-Disposition: form-data; name*=utf-16''%00_%00m",
        "Content-Disposition: x; name*=utf-7''a",
        "Content-Disposition: form-data; name*=utf-8x''a",
        "Content-Disposition: form-data; name*=us'x'a",
        disposition + "\"=?utf-8?B?X21ldGhvZA==?=\"", disposition + "=?utf-8?Q?=5Fmethod?=",
        disposition + " \"\\ =?utf-8?Q?_method?=\"",
        "Content-Disposition: form-data; name =\r\n =?a?=",
    ])
    func `a name that cannot be read here is refused`(_ head: String) {
        #expect(Scans.part(head)?.first == "?")
    }

    @Test(arguments: [
        ("--b0undary\n\(disposition)_method\n\nDELETE\n--b0undary--\n", ["?"]),
        ("--b0undary\r\n\(disposition)_method\r\n\nDELETE\r\n--b0undary--\r\n", ["?"]),
        ("--b0undary\r\n\(disposition)_method\n\r\nDELETE\r\n--b0undary--\r\n", ["?"]),
        ("--b0undary\r\(disposition)_method\r\rDELETE\r--b0undary--\r", ["?"]),
        ("--b0undary\r\n\(disposition)_method\r\n \r\nDELETE\r\n--b0undary--\r\n", ["?"]),
        ("--b0undary\r\n\(disposition)_method\r\n\0\r\nDELETE\r\n--b0undary--\r\n", ["?"]),
        // An empty line for Werkzeug and PHP; for Rack the head goes on.
        ("--b0undary\r\nX: y\n\n\(disposition)_method\r\n\r\nDELETE\r\n--b0undary--", ["?"]),
        ("--b0undary\r\nX: y\r\n\n\(disposition)_method\r\n\r\nDELETE\r\n--b0undary--", ["?"]),
        ("--b0undary\n\(disposition)a\n\nDELETE\n--b0undary--\n", []),
        // PHP and Rack read a head on over a delimiter.
        ("--b0undary\r\n\(disposition)_method\r\n--b0undary\r\n\r\nDELETE\r\n--b0undary--", ["?"]),
        (
            "--b0undary\r\nX: y\r\n\r\r\n\(disposition)_method\r\n\r\nDELETE\r\n--b0undary--",
            ["DELETE"]
        ),
    ])
    func `a head in which readers see different ends is refused if it may name an override`(
        _ content: String, _ expected: [String]
    ) {
        #expect(Scans.multipart(content) == expected)
    }

    static let part = "\r\n\(disposition)\"_method\"\r\n\r\nDELETE"

    @Test(arguments: [
        "--b0undary\(part)\r\n--b0undary--\r\n", "--b0undary\(part)\n--b0undary--\r\n",
        "--b0undary\(part)--b0undary--", "preamble\r\n--b0undary\(part)\r\n--b0undary--",
        "preamble--b0undary\(part)\r\n--b0undary", "--b0undary \t\(part)\r\n--b0undary--",
        "--b0undaryx\(part)\r\n--b0undary--", "--b0undary--\(part)\r\n--b0undary--",
        "-----b0undary\(part)\r\n--b0undary--", "--b0--b0undary\(part)\r\n----b0undary",
        "--b0undary\(part)", "--b0undary\(part)\r\n", "\r\n--b0undary\(part)\r\n--b0undary--",
        "--b0undary\r\n\r\nx\r\n--b0undary\(part)\r\n--b0undary--\r\n",
        "--b0undary\r\nA: b\r\n--b0undary\(part)\r\n--b0undary--\r\n",
    ])
    func `a delimiter is one wherever it stands, and the end ends a value`(_ content: String) {
        let found = Scans.multipart(content)
        #expect(found == ["DELETE"] || (content.hasPrefix("--b0--b0") && found == ["?"]))
    }

    @Test func `every part counts, empty values do not`() {
        let content = ["PUT", "", "\r\n", "delete", "POST, GET", "\u{e9}"].map {
            "--b0undary\r\n\(Self.disposition)\"_method\"\r\n\r\n\($0)\r\n"
        }
        #expect(
            Scans.multipart(content.joined() + "--b0undary--\r\n") == ["PUT", "DELETE", "?", "?"])
    }

    @Test func `a value that is too long is refused before it ends`() {
        let content =
            "--b0undary\r\n\(Self.disposition)_method\r\n\r\n" + String(repeating: "A", count: 400)
        #expect(Scans.multipart(content) == ["?"])
        let more = content + "\r\n--b0undary\(Self.part)\r\n--b0undary--"
        #expect(Scans.multipart(more) == ["?", "DELETE"])
    }

    @Test(arguments: [1, 2, 5, 6, 7, 8, 20, 40, 69, 70])
    func `a delimiter is found at every place among other bytes`(_ length: Int) {
        let boundary = String(
            "---x-y--z-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".suffix(
                length))
        let type = "multipart/form-data; boundary=\(boundary)"
        var random = SystemRandomNumberGenerator()
        for before in 0..<200 {
            var content = (0..<before).map { _ in UInt8.random(in: 0x20...0x7e, using: &random) }
            content += Scans.bytes("--\(boundary)\(Self.part)\r\n--\(boundary)--\r\n")
            #expect(Scans.overrides(in: content, type: type).last == "DELETE")
            let cut = Int.random(in: 0...content.count, using: &random)
            #expect(
                Scans.overrides(in: content, type: type, cutAt: [cut])
                    == Scans.overrides(in: content, type: type))
        }
    }

    @Test func `a line that is no field goes on with the one before for PHP`() {
        #expect(Scans.part("Content-Disposition: form-data; name=\"_met\r\nhod\"") == ["DELETE"])
        #expect(Scans.part("Content-Disposition: form-data; name=_met\r\nhod") == ["DELETE"])
        #expect(Scans.part("Content-Disposition: form-data; name=\"_met\nhod\"") == ["DELETE"])
        #expect(
            Scans.part("Content-Disposition: form-data; name=_met\r\nhod\r\nX: y") == ["DELETE"])
        #expect(Scans.part("Content-Disposition: form-data; name=_met\r\nhods") == [])
    }

    @Test func `what follows a head without lines is its lines for Rack`() {
        let part =
            "Content-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b0undary--\r\n"
        #expect(Scans.multipart("--b0undary\r\n\r\n" + part) == ["?"])
        #expect(Scans.multipart("--b0undary--\r\n\r\n" + part) == ["?"])
        #expect(Scans.multipart("--b0undary\r\n\r\n\r\n" + part) == [])
        #expect(Scans.multipart("--b0undary\r\n\r\nx\r\n--b0undary\r\n" + part) == ["DELETE"])
    }

    @Test(arguments: [
        "----------------------------b", "aaaaaaaaaaaaaaaaaaab", "abababababababababac",
    ])
    func `a delimiter is found after any part of itself`(_ boundary: String) {
        let delimiter = "--" + boundary
        for count in 0...delimiter.count {
            let start = String(delimiter.prefix(count))
            let content = start + delimiter + Self.part + "\r\n" + delimiter
            #expect(Scans.multipart(content, boundary: boundary) == ["DELETE"])
        }
    }

    /// Where each delimiter ends, found in two pieces.
    private static func ends(of boundary: [UInt8], in bytes: [UInt8], cutAt cut: Int) -> [Int] {
        boundary.withView { boundary in
            var search = DelimiterSearch(boundary: boundary)
            var found: [Int] = []
            for (from, to) in [(0, cut), (cut, bytes.count)] {
                Array(bytes[from..<to]).withView { piece in
                    var offset = 0
                    while search.skip(piece, &offset) { found.append(from + offset) }
                }
            }
            return found
        }
    }

    @Test func `the search agrees with a plain one on bytes of few kinds`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let length = Int.random(in: 1...14, using: &random)
            let boundary = (0..<length).map { _ in "-ab".utf8.randomElement(using: &random)! }
            let bytes = (0..<300).map { _ in "-ab".utf8.randomElement(using: &random)! }
            let delimiter = Scans.bytes("--") + boundary
            var expected: [Int] = []
            var start = 0
            while start + delimiter.count <= bytes.count {
                if Array(bytes[start..<start + delimiter.count]) == delimiter {
                    start += delimiter.count
                    expected.append(start)
                } else {
                    start += 1
                }
            }
            let cut = Int.random(in: 0...bytes.count, using: &random)
            #expect(Self.ends(of: boundary, in: bytes, cutAt: cut) == expected)
        }
    }
}
