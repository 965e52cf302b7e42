import HTTPSyntax
import Testing

@testable import HTTP1

struct WebSocketFieldsTests {
    /// Asks of the fields of a response, `\n` for each line's end.
    private func ask<Answer>(
        _ lines: [String], _ body: (ByteView, borrowing FieldSection) -> Answer
    ) throws -> Answer {
        let text = (["HTTP/1.1 101 S"] + lines + ["", ""]).joined(separator: "\r\n")
        return Array(text.utf8).withView { view in
            var head = ResponseHead(maximumFields: 20)
            let result = ResponseParser.parse(view, into: &head, limits: usualLimits)
            #expect(result == .complete)
            return body(view, head.fields)
        }
    }

    @Test(arguments: [
        (["Upgrade: websocket"], true, true), (["upgrade: WebSocket"], true, true),
        (["Upgrade: websocket,"], true, true), (["Upgrade: ,, websocket"], true, true),
        (["Upgrade: h2c, websocket"], true, false),
        (["Upgrade: websocket", "Upgrade: a"], true, false),
        (["Upgrade: a/1", "Upgrade: b, WEBSOCKET , c/2.0"], true, false),
        (["Upgrade: websocket, websocket"], true, false),
        (["Upgrade: websocket/13"], false, false), (["Upgrade: websockets"], false, false),
        (["Upgrade: h2c"], false, false), (["Upgrade:"], false, false), ([], false, false),
        (["X-Upgrade: websocket"], false, false),
        // What is no list of protocols offers nothing.
        (["Upgrade: websocket; x"], false, false), (["Upgrade: web socket"], false, false),
        (["Upgrade: \"websocket\""], false, false), (["Upgrade: websocket, a/b/c"], false, false),
        (["Upgrade: websocket", "Upgrade: @"], false, false),
        (["Upgrade: /, websocket"], false, false),
        (["Upgrade: websocket, a/"], false, false),
    ])
    func `WebSocket is offered, or chosen alone`(
        _ lines: [String], _ isOffered: Bool, _ isChosen: Bool
    ) throws {
        #expect(try ask(lines) { WebSocketFields.isOffered(in: $0, $1) } == isOffered)
        #expect(try ask(lines) { WebSocketFields.isChosen(in: $0, $1) } == isChosen)
    }

    @Test(
        arguments: [
            (["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], "dGhlIHNhbXBsZSBub25jZQ=="),
            (["X: 1", "SEC-WEBSOCKET-KEY:\t AbZ09+/= "], "AbZ09+/="),
            ([], nil), (["Sec-WebSocket-Key:"], nil), (["Sec-WebSocket-Key1: abcd"], nil),
            (["Sec-WebSocket-Ker: abcd"], nil), (["Sec-WebSocket-Key: a, b"], nil),
            (["Sec-WebSocket-Key: a-b_"], nil), (["Sec-WebSocket-Key: a\u{80}"], nil),
            (["Sec-WebSocket-Key: a", "Sec-WebSocket-Key: a"], nil),
            (["Sec-WebSocket-Key: a", "X: 1", "sec_websocket-Key: b"], nil),
            (["Sec_WebSocket_Key: a"], nil),
            (["Sec_WebSocket_Key: a", "Sec-WebSocket-Key: a"], nil),
        ] as [([String], String?)])
    func `a key is there once, and in base64`(_ lines: [String], _ key: String?) throws {
        #expect(try ask(lines) { WebSocketFields.key(in: $0, $1)?.text } == key)
    }

    @Test(
        arguments: [
            (["Sec-WebSocket-Accept: x"], "x"), (["sec-websocket-accept:  x y "], "x y"),
            ([], nil), (["Sec-WebSocket-Accept: x", "Sec-WebSocket-Accept: x"], nil),
            (["Sec-WebSocket-Key: x"], nil), (["Sec-WebSocket_Accept: x"], nil),
        ] as [([String], String?)])
    func `a proof is there once`(_ lines: [String], _ proof: String?) throws {
        #expect(try ask(lines) { WebSocketFields.proof(in: $0, $1)?.text } == proof)
    }
}
