// How content is cut into pieces must not matter, whatever it is: the tables of the other files,
// changed a little at random.

import HTTPSyntax
import Testing

@testable import Policy

struct OverrideSplitTests {
    static let samples: [(type: String, content: String)] = [
        (
            "application/x-www-form-urlencoded",
            "a=1&%5fmethod%5B%5D=+de%6Cete%0d&b=%zz;.method=PUT;_method"
        ),
        (
            "application/json",
            #" {"a":{"_method":[1,"\\\"",{}]},"\u005fmethod" : "del\u0045te" ,"_method":"PUT"}"#
        ),
        (
            "multipart/form-data; boundary=b0undary",
            "x\r\n--b0undary\r\nContent-Disposition: form-data;\r\n name=\"\\_method\"\r\n\r\nPUT\r\n"
                + "--b0undary\r\nContent-Disposition: form-data; name*=utf-8''%5Fmethod\r\n\r\nDELETE\r\n"
                + "--b0undary\r\nX: y\n\nContent-ID: <a>\r\n\r\n_method--b0undar--b0undary--\r\n"
        ),
        (
            "multipart/mixed; boundary=ab; a=/json",
            "{\"_method\":\"--ab\r\nname=_method\r\n\r\nPUT\r\n--ab--\", \"_method\":\"PATCH\"}"
        ),
    ]

    private static let nasty =
        Array("\r\n\0 -:;=&%+\\\"'{}[],_.mM5fFxX<>()*?u".utf8) + [0x80, 0xff]

    private func changed(_ bytes: [UInt8], _ random: inout FixedGenerator) -> [UInt8] {
        var result = bytes
        for _ in 0..<Int.random(in: 0...4, using: &random) where !result.isEmpty {
            let index = Int.random(in: 0..<result.count, using: &random)
            let byte = Self.nasty[Int.random(in: 0..<Self.nasty.count, using: &random)]
            switch Int.random(in: 0..<4, using: &random) {
            case 0: result[index] = byte
            case 1: result.insert(byte, at: index)
            case 2: result.remove(at: index)
            default:
                let end = min(result.count, index + Int.random(in: 1...40, using: &random))
                let other = Int.random(in: 0...result.count, using: &random)
                result.insert(contentsOf: result[index..<end], at: other)
            }
        }
        return result
    }

    @Test(arguments: 0..<4)
    func `any content has the same overrides however it is cut`(_ sample: Int) {
        let (type, text) = Self.samples[sample]
        var random = FixedGenerator(state: UInt64(sample))
        for _ in 0..<600 {
            let content = changed(Scans.bytes(text), &random)
            let whole = Scans.overrides(in: content, type: type).sorted()
            let cuts = (0..<3).map { _ in Int.random(in: 0...content.count, using: &random) }
                .sorted()
            let each = Array(0...content.count)
            // Where two scanners look at it, each is through with a piece before the other begins.
            guard Scans.overrides(in: content, type: type, cutAt: cuts).sorted() == whole,
                Scans.overrides(in: content, type: type, cutAt: each).sorted() == whole
            else {
                Issue.record(
                    "\(String(decoding: content, as: UTF8.self).debugDescription) at \(cuts)")
                return
            }
        }
    }
}
