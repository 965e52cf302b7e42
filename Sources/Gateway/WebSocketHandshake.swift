import Digest
import HTTP1
import HTTPSyntax

// What both sides must have said before bytes that nobody judges may pass (RFC 6455 §4): as little
// as a gateway can ask, and enough that nothing but a WebSocket server gives the answer.

enum WebSocketHandshake {
    /// The field lines that the gate writes in the place of those it removed: the same in both
    /// directions.
    static let lines: StaticString = "Connection: Upgrade\r\nUpgrade: websocket\r\n"

    /// The key of a request that asks for a WebSocket; nil for every other one. Asked only where
    /// `Connection` and `Upgrade` agree in HTTP/1.1.
    ///
    /// Without exactly one key there could be content that no field announces: so it was in a
    /// draft of the protocol that some still speak.
    static func key(_ request: borrowing RequestHead, _ head: ByteView) -> ByteView? {
        guard request.flags.contains(.upgrade), request.method == .get, request.framing.isNone,
            WebSocketFields.isOffered(in: head, request.fields)
        else { return nil }
        return WebSocketFields.key(in: head, request.fields)
    }

    /// Whether a 101 that was asked for is what a WebSocket server answers to that key: it names
    /// this protocol alone, and proves that it has read the key. `isSwitch` of `Exchange` has seen
    /// to the rest.
    static func isCompleted(
        by response: borrowing ResponseHead, _ head: ByteView, proof: ByteView
    ) -> Bool {
        guard WebSocketFields.isChosen(in: head, response.fields),
            let given = WebSocketFields.proof(in: head, response.fields)
        else { return false }
        return !proof.isEmpty && given.equals(proof)
    }

    /// Appends what `Sec-WebSocket-Accept` must be for a key (RFC 6455 §4.2.2).
    static func appendProof(of key: ByteView, to buffer: inout ByteBuffer) {
        var text = ByteBuffer(capacity: key.count + 36)
        text.append(key)
        text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
        var digest = ByteBuffer(capacity: SHA1.length)
        SHA1.append(digestOf: text.view, to: &digest)
        buffer.append(base64: digest.view)
    }
}
