import HTTPSyntax
import Testing

struct Base64Tests {
    // RFC 4648 §10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func `bytes are encoded as RFC 4648 has it`(_ text: String, _ expected: String) {
        var buffer = ByteBuffer()
        text.withView { buffer.append(base64: $0) }
        #expect(buffer.view.text == expected)
    }

    @Test func `every value of a byte has its digits`() {
        var buffer = ByteBuffer()
        [UInt8]([0, 0x10, 0x83, 0x10, 0x51, 0x87, 0xfb, 0xff, 0xff]).withView {
            buffer.append(base64: $0)
        }
        #expect(buffer.view.text == "ABCDEFGH+///")
    }
}
