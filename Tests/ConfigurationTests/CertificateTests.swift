// Certificates of one listener beside each other: which of them are of use, and which of the keys.

import Foundation
import TLS
import TestSupport
import Testing

@testable import Configuration

struct CertificateTests {
    func write(_ made: SelfSigned, _ name: String, _ folder: TemporaryFolder) throws {
        try folder.write(name, String(decoding: made.certificate + made.key, as: UTF8.self))
    }

    /// What is said of a listener with these lines in its `tls`.
    func said(_ tls: String..., in folder: TemporaryFolder) throws -> String {
        let lines = tls.map { "      \($0)\n" }.joined()
        let text = "listen:\n  - address: 127.0.0.1:8443\n    tls:\n\(lines)"
        let rest = backend + "defaults:\n  methods: [GET, HEAD]\n"
        return ConfigurationLoader.load(path: try folder.write("a.yaml", text + rest)).rendered()
    }

    /// `a.pem`, `b.pem`, and `ca.pem`, whose authorities may sign clients' certificates.
    func folder() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for name in ["a", "b", "ca"] {
            let made = try SelfSigned(commonName: name, names: ["DNS:\(name).example"])
            try write(made, "\(name).pem", folder)
        }
        return folder
    }

    @Test func `an entry inherits the authorities of its listener`() throws {
        let folder = try folder()
        let main = "{certificate: b.pem, client_auth: require"
        #expect(
            try said(
                "certificate: a.pem", "client_ca: ca.pem", "certificates:", "  - \(main)}",
                in: folder) == "")
        // Who has others of its own, or asks nobody, does not make them of use.
        for entry in ["\(main), client_ca: ca.pem}", "{certificate: b.pem, client_auth: none}"] {
            #expect(
                try said(
                    "certificate: a.pem", "client_ca: ca.pem", "certificates:", "  - \(entry)",
                    in: folder
                ).contains(
                    "a.yaml:5:7: listen[0].tls.client_ca: no client is asked for a certificate"))
        }
        #expect(
            try said(
                "certificate: a.pem", "certificates:",
                "  - {certificate: b.pem, client_ca: ca.pem}", in: folder
            ).contains("certificates[0].client_ca: no client is asked for a certificate"))
    }

    /// Names of a main certificate and of one beside it.
    static let nameless: [(main: [String], other: [String])] = [
        ([], []), (["IP:127.0.0.1"], []), (["IP:127.0.0.1"], ["IP:127.0.0.2"]),
        (["DNS:a.example"], ["IP:127.0.0.2"]),
    ]

    @Test(arguments: nameless, [SelfSigned.KeyKind.ecdsa, .rsa])
    func `one without a DNS name is never used beside another`(
        _ names: (main: [String], other: [String]), _ kind: SelfSigned.KeyKind
    ) throws {
        let folder = try TemporaryFolder()
        try write(SelfSigned(commonName: "a", names: names.main), "a.pem", folder)
        try write(SelfSigned(commonName: "b.example", names: names.other, kind), "b.pem", folder)
        let said = try said(
            "certificate: a.pem", "certificates: [{certificate: b.pem}]", in: folder)
        #expect(
            said.contains(
                "the certificate of CN=b.example has no DNS name, so that it is never used"))
        let named = try self.said(
            "certificate: a.pem", "certificates: [{certificate: b.pem, names: [b.example]}]",
            in: folder)
        #expect(!named.contains("never used"))
        // Those with an address are of use to some clients, and the others are told.
        #expect((named == "") == ([names.main, names.other].allSatisfy { !$0.isEmpty }))
    }

    @Test func `unless it is for the same addresses, by a key of another kind`() throws {
        let folder = try TemporaryFolder()
        let names = ["IP:127.0.0.1", "IP:::1"]
        try write(SelfSigned(commonName: "a", names: names), "a.pem", folder)
        try write(SelfSigned(commonName: "b", names: names.reversed(), .rsa), "b.pem", folder)
        try write(SelfSigned(commonName: "c", names: names), "c.pem", folder)
        #expect(
            try said("certificate: a.pem", "certificates: [{certificate: b.pem}]", in: folder)
                == "")
        #expect(
            try said("certificate: a.pem", "certificates: [{certificate: c.pem}]", in: folder)
                .contains("the certificate of CN=c has no DNS name"))
    }

    @Test func `a public key that OpenSSL does not know is told, wherever it stands`() throws {
        let folder = try folder()
        let made = try SelfSigned(commonName: "odd", names: ["DNS:b.example"], .rsa)
        // rsaEncryption (1.2.840.113549.1.1.1) in the certificate's SubjectPublicKeyInfo.
        let odd = String(
            decoding: try made.certificate(
                with: 0x7B, in: [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1]), as: UTF8.self)
        try folder.write("odd.pem", odd + String(decoding: made.key, as: UTF8.self))
        for tls in [
            ["certificate: odd.pem", "certificates: [{certificate: b.pem}]"],
            ["certificate: b.pem", "certificates: [{certificate: odd.pem}]"],
        ] {
            let said = try said(tls[0], tls[1], in: folder)
            #expect(
                said.contains(
                    "holds the certificate of CN=odd, which has a public key that cannot be read "
                        + "(algorithm 1.2.840.113549.1.1.123); accepted: "))
        }
        // So is one above it.
        let chain = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let (leaf, key) = (chain.certificate, chain.key)
        try folder.write(
            "chain.pem",
            String(decoding: leaf, as: UTF8.self) + odd + String(decoding: key, as: UTF8.self))
        #expect(
            try said("certificate: chain.pem", in: folder)
                .contains("holds the certificate of CN=odd, which has a public key"))
    }

    @Test func `names beside a certificate that it is not for are a finding`() throws {
        let folder = try folder()
        let names = ["DNS:admin.example", "DNS:*.b.example", "DNS:dot.example."]
        try write(SelfSigned(commonName: "admin", names: names), "admin.pem", folder)
        let demand = "client_auth: require, client_ca: ca.pem"
        func said(_ names: String) throws -> String {
            try self.said(
                "certificate: a.pem", "certificates:",
                "  - {certificate: admin.pem, names: [\(names)], \(demand)}", in: folder)
        }
        #expect(
            try said("admin.example, X.b.example, '*.b.example', dot.example") == "")
        let start = "certificates[0].names[0]: the certificate of CN=admin is not for "
        #expect(
            try said("admn.example").contains(
                start + "'admn.example': it is for admin.example, *.b.example, dot.example; "
                    + "accepted: names that are in the certificate (did you mean admin.example?)"))
        for name in ["x.y.b.example", "b.example", "'*.admin.example'", "'*.x.b.example'"] {
            let bare = name.filter { $0 != "'" }
            #expect(try said(name).contains(start + "'\(bare)': it is for"))
            let result = ConfigurationLoader.load(path: folder.path + "/a.yaml")
            #expect(result.settings != nil)
            #expect(result.diagnostics.map(\.isFinding) == [true])
        }
        // No client has an address in SNI.
        for name in ["127.0.0.1", "'::1'", "'[::1]'", "'*.127.0.0.1'"] {
            #expect(try said(name).contains("is an address, and clients ask for names alone (SNI)"))
        }
    }

    @Test func `a name with a dot at its end is that name`() throws {
        let folder = try TemporaryFolder()
        for (file, name) in [("a", "a.example"), ("b", "b.example.")] {
            try write(SelfSigned(commonName: file, names: ["DNS:\(name)"]), "\(file).pem", folder)
        }
        let entry = "{certificate: b.pem, client_auth: require, client_ca: b.pem}"
        #expect(
            try said("certificate: a.pem", "certificates: [\(entry)]", in: folder) == "")
        let settings = ConfigurationLoader.load(path: folder.path + "/a.yaml").settings
        let context = try #require(settings?.listeners[0].tls?.context)
        #expect(context.entry(for: Array("b.example".utf8)) == 1)
    }

    @Test func `a name in a certificate that no client asks for is told beside a demand`() throws {
        let folder = try folder()
        let names = ["DNS:odd.example", "DNS:adm*.example", "DNS:192.0.2.1"]
        try write(SelfSigned(commonName: "odd", names: names), "odd.pem", folder)
        let demand = "client_auth: require, client_ca: ca.pem"
        #expect(
            try said(
                "certificate: a.pem", "certificates: [{certificate: odd.pem, \(demand)}]",
                in: folder
            ).contains(
                "the certificate of CN=odd has names that are none of hosts (adm*.example, 192.0.2.1), "
                    + "so that no client is asked for its own by them; accepted: names beside it"))
        #expect(
            try said("certificate: a.pem", "certificates: [{certificate: odd.pem}]", in: folder)
                == "")
    }

    @Test func `authorities that have expired are a finding, whoever is to be believed`() throws {
        let folder = try folder()
        let old = try SelfSigned(commonName: "old", names: [], from: -9 * 86400, to: -86400)
        try write(old, "old.pem", folder)
        let text = """
            listen:
              - address: 127.0.0.1:8443
                tls: {certificate: a.pem, client_auth: require, client_ca: old.pem}
            backends:
              app: {url: "https://127.0.0.1:3000", tls: {ca: old.pem}}
            defaults:
              methods: [GET, HEAD]
            """
        let result = ConfigurationLoader.load(path: try folder.write("a.yaml", text))
        #expect(result.settings != nil)
        let keys = ["listen[0].tls.client_ca", "backends.app.tls.ca"]
        #expect(result.diagnostics.map(\.key) == keys)
        for diagnostic in result.diagnostics {
            #expect(diagnostic.severity == .warning && diagnostic.isFinding)
            #expect(diagnostic.message.hasPrefix("the certificate of CN=old expired on "))
        }
    }
}

extension SelfSigned {
    /// The certificate as PEM, with the last of `bytes` replaced where they stand for the first time
    /// in its DER: its signature is good no more.
    fileprivate func certificate(with last: UInt8, in bytes: [UInt8]) throws -> [UInt8] {
        let lines = String(decoding: certificate, as: UTF8.self).split(separator: "\n")
        let base64 = lines.filter { !$0.hasPrefix("-----") }.joined()
        var der = [UInt8](try #require(Data(base64Encoded: base64)))
        let place = try #require(
            (0...(der.count - bytes.count)).first { der[$0...].starts(with: bytes) })
        der[place + bytes.count - 1] = last
        let text = Data(der).base64EncodedString(options: [.lineLength64Characters])
        return Array(
            "-----BEGIN CERTIFICATE-----\n\(text)\n-----END CERTIFICATE-----\n".utf8)
    }
}
