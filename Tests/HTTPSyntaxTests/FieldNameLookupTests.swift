import HTTPSyntax
import Testing

@Suite struct FieldNameLookupTests {
    private func lookup(_ name: String) -> FieldName.Match {
        name.withView { FieldName.lookup($0) }
    }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `every known name is found in any letter case`(field: FieldName) {
        let name = ByteView(field.name).text
        let expected = FieldName.Match(name: field, isVariant: false)
        #expect(lookup(name) == expected)
        #expect(name.withView { FieldName.lookup($0, isPlain: true) } == expected)
        #expect(lookup(name.lowercased()) == expected)
        #expect(lookup(name.uppercased()) == expected)
    }

    @Test(arguments: FieldName.allCases.filter { $0 != .other })
    func `an underscore for a dash makes a variant`(field: FieldName) {
        let name = Array(ByteView(field.name).text.utf8)
        for index in name.indices where name[index] == 0x2d {
            var variant = name
            variant[index] = 0x5f
            let match = variant.withView { FieldName.lookup($0) }
            #expect(match == FieldName.Match(name: field, isVariant: true))
        }
        let all = name.map { $0 == 0x2d ? 0x5f : $0 }
        let match = all.withView { FieldName.lookup($0) }
        #expect(match == FieldName.Match(name: field, isVariant: all != name))
    }

    // Of names that begin with X-Forwarded every one has a number.
    @Test(
        arguments: FieldName.allCases.filter {
            $0 != .other && !ByteView($0.name).text.hasPrefix("X-Forwarded")
        })
    func `another byte at any place makes another name`(field: FieldName) {
        let name = Array(ByteView(field.name).text.utf8)
        for index in name.indices {
            for byte in UInt8(0x21)...0x7e {
                let isPunctuation = !ASCII.isLetter(byte) && !ASCII.isDigit(byte)
                let isSame =
                    ASCII.lowercased(byte) == ASCII.lowercased(name[index])
                    || (isPunctuation && name[index] == 0x2d)
                if isSame { continue }
                var other = name
                other[index] = byte
                #expect(other.withView { FieldName.lookup($0) } == .other)
            }
        }
        #expect((name + [0x61]).withView { FieldName.lookup($0) } == .other)
        #expect(Array(name.dropFirst()).withView { FieldName.lookup($0) } == .other)
    }

    @Test(arguments: [
        ("X.Original.URL", FieldName.xOriginalURL), ("x!rewrite~url", .xRewriteURL),
        ("X.Forwarded.For", .xForwardedFor), ("X.Forwarded_Proto", .xForwardedProto),
        ("x.forwarded-anything", .xForwardedOther), ("X-Forwarded.Client-Cert", .xForwardedOther),
        ("X.Forwarded.What.Nobody.Has.Ever.Heard.Of", .xForwardedOther),
        ("Content.Length", .contentLength), ("Transfer+Encoding", .transferEncoding),
        ("X.Real.IP", .xRealIP),
    ])
    func `any punctuation for a dash makes a variant`(_ name: String, _ field: FieldName) {
        #expect(lookup(name) == FieldName.Match(name: field, isVariant: true))
    }

    @Test(arguments: [
        "x.custom", "sec-ch-ua-1", "x_y", "a.b", "X.Original.URL.", "!", "x1original-url",
    ])
    func `other names with punctuation stay others`(_ name: String) {
        #expect(lookup(name) == .other)
    }

    @Test(arguments: [
        "X.HTTP.Method.Override", "x!http-method_override", "X~HTTP~METHOD", "x.method-override",
    ])
    func `an override of the method counts with any punctuation`(name: String) {
        let match = lookup(name)
        #expect(match.name.isMethodOverride && match.isVariant)
    }

    @Test(arguments: [
        "X1HTTP1Method", "XaHTTP-Method", "X.HTTP.Methods", "Y.HTTP.Method",
    ])
    func `letters and digits for its dashes, or other letters, make another name`(name: String) {
        #expect(lookup(name) == .other)
    }

    @Test(arguments: [
        "X-Forwarded", "x-forwarded-prefix", "X-FORWARDED-SSL", "X-Forwarded-For2",
        "X-Forwarded-Client-Certificate-Chain-Of-Somebody",
    ])
    func `every name that begins with X-Forwarded is the gate's`(name: String) {
        #expect(lookup(name) == FieldName.Match(name: .xForwardedOther, isVariant: false))
        let variant = name.replacing("-", with: "_")
        #expect(lookup(variant) == FieldName.Match(name: .xForwardedOther, isVariant: true))
        #expect(lookup("x-forwarde").name == .other && lookup("y-forwarded").name == .other)
    }

    @Test(arguments: ["", "a", "_", "__", "x_y", String(repeating: "a", count: 40)])
    func `other names have no number`(name: String) {
        #expect(lookup(name) == .other)
    }
}
