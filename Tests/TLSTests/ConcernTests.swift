import COpenSSL
import Glibc
import TestSupport
import Testing

@testable import TLS

/// What is said of certificates that can be used and may keep clients away.
@Suite struct ConcernTests {
    private let root: Authority
    private let middle: SelfSigned

    init() throws {
        root = try Authority(SelfSigned(commonName: "root", names: ["DNS:root.example"]))
        middle = try SelfSigned(commonName: "middle", names: ["DNS:middle.example"])
    }

    private func concerns(
        _ chain: Bytes, _ made: SelfSigned, readers: TLSIdentity.Readers = .clients(nil)
    ) throws -> [String] {
        try found(chain, made, readers: readers).map(\.text)
    }

    private func found(
        _ chain: Bytes, _ made: SelfSigned, readers: TLSIdentity.Readers = .clients(nil)
    ) throws -> [TLSIdentity.Concern] {
        try TLSIdentity(chain: chain, key: made.key).concerns(now: time(nil), readers: readers)
    }

    @Test func `a certificate that is in force is none`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        #expect(try concerns(made.certificate, made).isEmpty)
    }

    @Test func `one that has expired is told with its day`() throws {
        let made = try SelfSigned(
            commonName: "a", names: ["DNS:a.example"], from: -30 * 86400, to: -86400)
        let said = try concerns(made.certificate, made)
        #expect(said == ["the certificate of CN=a expired on \(dateText(time(nil) - 86400))"])
    }

    @Test func `one that is not valid yet is told with its day`() throws {
        let made = try SelfSigned(
            commonName: "a", names: ["DNS:a.example"], from: 86400, to: 30 * 86400)
        let said = try concerns(made.certificate, made)
        #expect(
            said == ["the certificate of CN=a is not valid before \(dateText(time(nil) + 86400))"])
    }

    @Test func `so are those above it, each by its name`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let (day, month) = (86400, 30 * 86400)
        let old = try SelfSigned(
            commonName: "old", names: ["DNS:old.example"], from: -month, to: -day)
        let new = try SelfSigned(
            commonName: "new", names: ["DNS:new.example"], from: day, to: month)
        let chain = try Authority(old).sign(made) + Authority(new).sign(old) + new.certificate
        #expect(
            try concerns(chain, made) == [
                "the certificate of CN=old expired on \(dateText(time(nil) - day))",
                "the certificate of CN=new is not valid before \(dateText(time(nil) + day))",
            ])
    }

    @Test func `suites of TLS 1 2 that no key of a name is for are told`() throws {
        func identity(_ kind: SelfSigned.KeyKind) throws -> TLSIdentity {
            let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"], kind)
            return try TLSIdentity(chain: made.certificate, key: made.key)
        }
        let (curve, rsa) = try (identity(.ecdsa), identity(.rsa))
        var options = TLSOptions()
        #expect(options.concerns([[curve]]).isEmpty)
        options.ciphers = ["ECDHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES128-GCM-SHA256"]
        #expect(
            options.concerns([[rsa], [curve], [curve, rsa]]).map(\.text) == [
                "of TLS 1.2 no suite among the ciphers is for the key (EC) of CN=a, so that TLS 1.3 "
                    + "alone is spoken with it"
            ])
        // Where TLS 1.2 is not spoken anyway, nothing is missing.
        options.minimum = .tls13
        #expect(options.concerns([[curve]]).isEmpty)
        options = TLSOptions()
        options.ciphers = ["TLS_AES_128_GCM_SHA256"]
        #expect(options.concerns([[curve]]).isEmpty)
    }

    @Test func `authorities that have expired are told, and for certain where none is left`() throws
    {
        let day = 86400
        func authority(_ name: String, from start: Int, to end: Int) throws -> Bytes {
            try SelfSigned(commonName: name, names: ["DNS:a"], from: start, to: end).certificate
        }
        let (old, new) = try (
            authority("old", from: -9 * day, to: -day), authority("new", from: -day, to: day)
        )
        let later = try authority("later", from: day, to: 9 * day)
        func concerns(_ pem: Bytes) throws -> [TLSIdentity.Concern] {
            try TrustStore(pem: pem).concerns(now: time(nil))
        }
        let gone = "the certificate of CN=old expired on \(dateText(time(nil) - day))"
        let none = ", so that nobody's certificate is good"
        #expect(try concerns(new).isEmpty)
        #expect(try concerns(old + new) == [.init(text: gone)])
        #expect(try concerns(old) == [.init(text: gone + none, isCertain: true)])
        #expect(
            try concerns(old + old) == [
                .init(text: "all 2 authorities have expired (\(gone))" + none, isCertain: true)
            ])
        // That one will be good.
        #expect(try concerns(old + later).map(\.isCertain) == [false, false])
        #expect(try TrustStore.ofSystem().concerns(now: time(nil)).isEmpty)
    }

    @Test func `a chain is followed to a root, in the order it is sent`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let signedMiddle = try root.sign(middle)
        let leaf = try Authority(middle).sign(made)
        #expect(try concerns(leaf + signedMiddle + root.pem, made).isEmpty)
        // The authority itself may be left out where clients have it.
        let known = TLSIdentity.Readers.clients(try TrustStore(pem: root.pem))
        #expect(try concerns(leaf + signedMiddle, made, readers: known).isEmpty)
        #expect(
            try concerns(leaf + root.pem + signedMiddle, made) == [
                "the chain is out of order: behind CN=a stands CN=root, and not its issuer "
                    + "CN=middle"
            ])
        #expect(
            try concerns(leaf, made, readers: known) == [
                "the chain ends with CN=a: its issuer CN=middle is neither in the file nor among "
                    + "the system's authorities, so that clients may not trust it"
            ])
    }

    @Test func `whose authority it is does not matter where a backend is shown it`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"], to: -1800)
        let leaf = try root.sign(made)
        #expect(try concerns(leaf, made).count == 2)
        let said = try concerns(leaf, made, readers: .backend)
        #expect(said.count == 1 && said[0].contains("expired"))
    }

    @Test func `that one has expired is certain, and of one above it that it is not enough`() throws
    {
        let day = 86400
        let (old, made) = try (
            SelfSigned(commonName: "old", names: ["DNS:a.example"], from: -9 * day, to: -day),
            SelfSigned(commonName: "a", names: ["DNS:a.example"])
        )
        #expect(try found(old.certificate, old).map(\.isCertain) == [true])
        let chain = try Authority(old).sign(made) + old.certificate
        #expect(try found(chain, made).map(\.isCertain) == [false])
        let early = try SelfSigned(commonName: "early", names: ["DNS:a.example"], from: day)
        #expect(try found(early.certificate, early).map(\.isCertain) == [false])
    }

    @Test func `that an issuer is missing is certain where it shows that it is no root`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let signer = try Authority(named: "signer", by: root)
        let issuers = (kind: NID_authority_key_identifier, value: "issuer:always")
        let stamps = (kind: NID_ct_precert_scts, value: "DER:04020000")
        let system = TLSIdentity.Readers.clients(try TrustStore(pem: root.pem))
        // Clients may have its issuer, by all that can be seen.
        for chain in [try signer.sign(made), try root.sign(made, extras: [issuers])] {
            #expect(try found(chain, made).map(\.isCertain) == [false])
        }
        for (authority, extra) in [(signer, issuers), (signer, stamps), (root, stamps)] {
            let leaf = try authority.sign(made, extras: [extra])
            #expect(try found(leaf, made).map(\.isCertain) == [true])
            #expect(try found(leaf, made, readers: .backend).isEmpty)
            #expect(try found(leaf + authority.pem, made, readers: system).isEmpty)
        }
    }

    @Test func `and where others follow, and none leads on`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let leaf = try Authority(middle).sign(made)
        #expect(
            try found(leaf + root.pem, made) == [
                .init(
                    text: "the chain is incomplete: behind CN=a stands CN=root, and its issuer "
                        + "CN=middle is neither in the file nor among the system's authorities",
                    isCertain: true)
            ])
        let known = TLSIdentity.Readers.clients(try TrustStore(pem: middle.certificate))
        for (chain, readers) in [
            (leaf + root.pem, known), (leaf + root.pem, .backend), (leaf + leaf, .clients(nil)),
            (leaf + root.pem + middle.certificate, .clients(nil)),
        ] {
            let found = try found(chain, made, readers: readers)
            #expect(found.count == 1 && found[0].text.contains("out of order"))
            #expect(found.map(\.isCertain) == [false])
        }
    }

    @Test func `what usual clients do not take is told`() throws {
        let names = ["DNS:a.example"]
        for (curve, isUsual) in [
            ("P-256", true), ("P-384", true), ("P-521", true), ("secp256k1", false),
            ("P-224", false), ("brainpoolP256r1", false),
        ] {
            let made = try SelfSigned(commonName: "a", names: names, .curve(curve))
            let found = try found(made.certificate, made)
            #expect(found.map(\.isCertain) == (isUsual ? [] : [true]), "\(curve)")
            #expect(try concerns(made.certificate, made, readers: .backend).isEmpty)
        }
        let odd = try SelfSigned(commonName: "a", names: names, .curve("secp256k1"))
        #expect(
            try concerns(odd.certificate, odd) == [
                "the key of the certificate of CN=a is on the curve secp256k1, which usual clients "
                    + "do not take"
            ])
    }

    @Test func `so is one that is for something else`() throws {
        let made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        let known = TLSIdentity.Readers.clients(try TrustStore(pem: root.pem))
        func found(_ usage: String, _ readers: TLSIdentity.Readers) throws -> [String] {
            let leaf = try root.sign(made, extras: [(kind: NID_ext_key_usage, value: usage)])
            return try self.found(leaf, made, readers: readers).map {
                ($0.isCertain ? "certain: " : "") + $0.text
            }
        }
        let start = "the certificate of CN=a is for other purposes (extendedKeyUsage lacks "
        for usage in ["serverAuth", "clientAuth,serverAuth", "anyExtendedKeyUsage"] {
            #expect(try found(usage, known).isEmpty)
        }
        for usage in ["clientAuth", "emailProtection,codeSigning"] {
            #expect(
                try found(usage, known) == ["certain: \(start)serverAuth), and clients refuse it"])
        }
        #expect(try found("clientAuth", .backend).isEmpty)
        #expect(
            try found("serverAuth", .backend) == ["\(start)clientAuth), and backends refuse it"])
    }

    @Test func `and one without a host's name or address`() throws {
        let said =
            "the certificate of CN=a has neither a DNS name nor an IP address "
            + "(subjectAltName), and clients of today look for the host nowhere else"
        for (names, concern) in [
            ([], [said]), (["URI:spiffe://a.example/b"], [said]), (["IP:127.0.0.1"], []),
            (["DNS:a.example"], []),
        ] {
            let made = try SelfSigned(commonName: "a", names: names)
            #expect(try concerns(made.certificate, made) == concern)
            #expect(try concerns(made.certificate, made, readers: .backend).isEmpty)
        }
    }
}
