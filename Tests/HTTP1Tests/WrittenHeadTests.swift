import HTTPSyntax
import Testing

@testable import HTTP1

struct WrittenHeadTests {
    /// `status framing length: name=value …`; nil where it is no head.
    private func read(_ text: some Sequence<UInt8>) -> String? {
        Array(text).withView { bytes -> String? in
            guard var head = WrittenHead(bytes) else { return nil }
            var lines: [String] = []
            while let line = head.next() {
                let name = line.known == .other ? "" : "!"
                lines.append("\(name)\(line.name.text)=\(line.value.text)")
            }
            guard head.isWhole else { return nil }
            return "\(head.status) \(head.framing) \(head.length): \(lines.joined(separator: " "))"
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\n\r\n", "200 untilClose 19: "),
        ("HTTP/1.1 204 \r\n\r\nnext", "204 untilClose 17: "),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX:y\r\n\r\nbytes",
            "200 length(5) 43: !Content-Length=5 X=y"
        ),
        ("HTTP/1.1 200 \r\ncontent-length:0\r\n\r\n", "200 none 35: !content-length=0"),
        (
            "HTTP/1.1 502 a: b\r\nTransfer-Encoding: chunked\r\nA: \t b:c \t\r\nE:\r\n\r\n",
            "502 chunked 65: !Transfer-Encoding=chunked A=b:c E="
        ),
        (
            "HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: upgrade\r\nKeep-Alive: 1\r\n\r\n",
            "101 untilClose 73: !Upgrade=websocket !Connection=upgrade !Keep-Alive=1"
        ),
    ])
    func `a head is read as it was written`(_ text: String, _ expected: String) {
        #expect(read(text.utf8) == expected)
        let head = text.utf8.count - (text.hasSuffix("bytes") ? 5 : text.hasSuffix("next") ? 4 : 0)
        for length in 0..<head { #expect(read(text.utf8.prefix(length)) == nil, "\(length)") }
    }

    @Test(arguments: [
        "", "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "hello, world\r\n\r\n",
    ])
    func `anything else is no head`(_ text: String) {
        #expect(read(text.utf8) == nil)
    }

    // What the strict parser finds in a head, it finds.
    @Test func `it agrees with the parser`() {
        let lines = [
            "Date: Mon, 30 Nov 2026 07:00:00 GMT", "Content-Type: text/html; charset=utf-8",
            "Content-Length: 12345678901", "Via: 1.1 a, 1.0 b", "ETag: W/\"1\"",
        ]
        let text = "HTTP/1.1 203 Some Reason\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        latin(text).withView { bytes in
            var parsed = ResponseHead(maximumFields: 100)
            let limits = HeadLimits(head: .max, target: .max, fields: .max)
            #expect(ResponseParser.parse(bytes, into: &parsed, limits: limits) == .complete)
            guard var head = WrittenHead(bytes) else { return }
            for index in 0..<parsed.fields.count {
                let field = parsed.fields[index]
                let line = head.next()
                let name = bytes.slice(Int(field.nameOffset), Int(field.nameLength))
                let value = bytes.slice(Int(field.valueOffset), Int(field.valueLength))
                #expect(line?.name.text == name.text && line?.value.text == value.text)
            }
            #expect(head.next() == nil)
            #expect(head.isWhole)
            #expect(head.length == parsed.length && head.framing == parsed.framing)
        }
    }
}
