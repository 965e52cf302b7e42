// What files hold: which certificate comes first, in which form, with what key.

import Foundation
import TLS
import TestSupport
import Testing

@testable import Configuration

extension CertificateTests {
    @Test func `a key that is too small is told beside all else`() throws {
        let folder = try folder()
        let small = try SelfSigned(
            commonName: "small", names: ["DNS:small.example"], .curve("prime192v1"))
        try write(small, "small.pem", folder)
        let said = try said(
            "certificate: a.pem", "certificates:", "  - {certificate: small.pem}",
            "  - {certificate: b.pem, key: nowhere.pem}", in: folder)
        #expect(
            said.contains(
                "small.pem' holds the certificate of CN=small, whose key (EC of 192 bits) is too small: "
                    + "it is as strong as 80 bits, and the least are 112; accepted: RSA of at least"
            ))
        #expect(said.contains("nowhere.pem' cannot be opened"))
        // Nor is one that SHA-1 vouches for; of itself nobody asks it.
        let leaf = try SelfSigned(commonName: "old", names: ["DNS:old.example"])
        let signed = try Authority(SelfSigned(commonName: "root", names: [])).sign(
            leaf, isOutdated: true)
        try folder.write("old.pem", String(decoding: signed + leaf.key, as: UTF8.self))
        #expect(
            try self.said("certificate: old.pem", in: folder).contains(
                "old.pem' holds the certificate of CN=old, whose signature is by a digest that is "
                    + "too weak; accepted: one that is signed with SHA-256 or better"))
        let own = try Authority(leaf).sign(leaf, isOutdated: true)
        try folder.write("own.pem", String(decoding: own + leaf.key, as: UTF8.self))
        #expect(try self.said("certificate: own.pem", in: folder) == "")
    }

    @Test func `a server's certificate that is not the first of its file is told`() throws {
        let folder = try folder()
        let (a, b) = try (
            SelfSigned(commonName: "front", names: ["DNS:a.example"]),
            SelfSigned(commonName: "above", names: ["DNS:b.example"])
        )
        try folder.write(
            "turned.pem",
            String(decoding: b.certificate + a.certificate + a.key, as: UTF8.self))
        #expect(
            try said("certificate: turned.pem", in: folder).contains(
                "turned.pem' has the key of CN=front, whose certificate stands second, behind that of "
                    + "CN=above: the server's own comes first"))
        #expect(
            try said("certificate: a.pem", "key: b.pem", in: folder)
                .contains("b.pem' does not belong to the certificate of CN=a"))
    }

    @Test func `a block of another label is told, and by its name`() throws {
        let folder = try folder()
        let pem = String(
            decoding: try SelfSigned(commonName: "t", names: ["DNS:t.example"]).certificate,
            as: UTF8.self)
        let trusted = pem.replacing("CERTIFICATE", with: "TRUSTED CERTIFICATE")
        try folder.write("trusted.pem", trusted)
        for tls in [
            ["certificate: trusted.pem", "key: a.pem"],
            ["certificate: a.pem", "client_auth: require", "client_ca: trusted.pem"],
        ] {
            #expect(
                try said(tls[0], tls[1], tls.last ?? "", in: folder).contains(
                    "it holds a certificate in OpenSSL's own form (-----BEGIN TRUSTED CERTIFICATE-----); "
                        + "accepted: PEM, as `openssl x509 -in FILE` writes it"))
        }
        try folder.write("mixed.pem", pem + trusted + trusted)
        #expect(
            try said(
                "certificate: a.pem", "client_auth: require", "client_ca: mixed.pem", in: folder
            ).contains(
                "client_ca: the file has 2 blocks -----BEGIN TRUSTED CERTIFICATE----- besides, of "
                    + "which nothing is read: certificates are in -----BEGIN CERTIFICATE-----"))
        try folder.write(
            "chain.pem",
            try String(contentsOfFile: folder.path + "/a.pem", encoding: .utf8) + trusted)
        #expect(
            try said("certificate: chain.pem", in: folder).contains(
                "certificate: the file has a block -----BEGIN TRUSTED CERTIFICATE----- besides"))
    }

    @Test func `suites of a version that is not spoken are told`() throws {
        let folder = try folder()
        func said(_ ciphers: String, _ version: String = "1.3") throws -> String {
            try self.said(
                "certificate: a.pem", "ciphers: \(ciphers)", "min_version: \(version)", in: folder)
        }
        let old = "ECDHE-ECDSA-AES128-GCM-SHA256"
        #expect(
            try said("[\(old)]").contains(
                "listen[0].tls: all ciphers are of TLS 1.2, which min_version rules out: TLS 1.3 has "
                    + "its standard ones"))
        #expect(try said("[\(old), TLS_AES_128_GCM_SHA256]") == "")
        #expect(try said("[\(old)]", "1.2") == "")
    }

    @Test(arguments: [
        (SelfSigned.KeyKind.rsaPSS, "RSA-PSS"), (.curve("secp521r1"), "EC on secp521r1"),
    ])
    func `keys that browsers do not take are told where there are no others`(
        _ kind: SelfSigned.KeyKind, _ words: String
    ) throws {
        let folder = try folder()
        let names = ["DNS:a.example"]
        try write(SelfSigned(commonName: "odd", names: names, kind), "odd.pem", folder)
        try write(SelfSigned(commonName: "rsa", names: names, .rsa), "rsa.pem", folder)
        #expect(
            try said("certificate: odd.pem", in: folder).contains(
                "listen[0].tls: browsers do not take keys of this kind (\(words)), as that of CN=odd"
            ))
        let result = ConfigurationLoader.load(path: folder.path + "/a.yaml")
        #expect(result.diagnostics.map(\.isFinding) == [false])
        #expect(
            try said("certificate: odd.pem", "certificates: [{certificate: rsa.pem}]", in: folder)
                == "")
    }
}
