// Certificates of one listener whose names overlap: who answers for each name, and what is said.

import TestSupport
import Testing

@testable import Configuration
@testable import TLS

struct NameAssignmentTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func write(
        _ name: String, _ names: [String], _ kind: SelfSigned.KeyKind = .ecdsa
    ) throws {
        let kinds = names.map { $0.hasPrefix("IP:") ? $0 : "DNS:" + $0 }
        let made = try SelfSigned(commonName: name, names: kinds, kind)
        try folder.write(
            name + ".pem", String(decoding: made.certificate + made.key, as: UTF8.self))
    }

    /// What comes of a listener with these lines in its `tls`.
    private func load(_ tls: String...) throws -> (said: String, context: TLSServerContext?) {
        let lines = tls.map { "      \($0)\n" }.joined()
        let text = "listen:\n  - address: 127.0.0.1:8443\n    tls:\n\(lines)"
        let rest = backend + "defaults:\n  methods: [GET, HEAD]\n"
        let result = ConfigurationLoader.load(path: try folder.write("a.yaml", text + rest))
        return (result.rendered(), result.settings?.listeners[0].tls?.context)
    }

    /// The kinds of keys that answer for a name, and what is asked of clients.
    private func kinds(_ context: TLSServerContext?, _ name: String) throws -> String {
        let context = try #require(context)
        let entry = context.entries[context.entry(for: Array(name.utf8))]
        return entry.identities.map(\.keyKind).joined(separator: "+")
            + (entry.asksForCertificates ? " asks" : "")
    }

    @Test(arguments: [("ec", "rsa"), ("rsa", "ec")])
    func `each name has the kinds of keys that there are for it`(
        _ first: String, _ second: String
    ) throws {
        try write("ec", ["x.example", "www.x.example", "new.x.example"])
        try write("rsa", ["www.x.example", "x.example", "old.x.example"], .rsa)
        let (said, context) = try load(
            "certificate: \(first).pem", "certificates: [{certificate: \(second).pem}]")
        #expect(said == "")
        let both = first == "ec" ? "EC+RSA" : "RSA+EC"
        for name in ["x.example", "www.x.example", "unknown.example"] {
            #expect(try kinds(context, name) == both)
        }
        #expect(try kinds(context, "new.x.example") == "EC")
        #expect(try kinds(context, "old.x.example") == "RSA")
    }

    @Test func `and so it is beside a third one`() throws {
        try write("main", ["main.example"])
        try write("ec", ["x.example", "new.x.example"])
        try write("rsa", ["x.example"], .rsa)
        let (said, context) = try load(
            "certificate: main.pem", "certificates: [{certificate: ec.pem}, {certificate: rsa.pem}]"
        )
        #expect(said == "")
        #expect(try kinds(context, "x.example") == "EC+RSA")
        #expect(try kinds(context, "new.x.example") == "EC")
        for name in ["main.example", "unknown.example"] {
            #expect(try kinds(context, name) == "EC")
        }
    }

    @Test func `of two with keys of one kind the first is used, and both are told`() throws {
        try write("one", ["x.example", "www.x.example"])
        try write("two", ["www.x.example", "x.example", "new.x.example"])
        let (said, context) = try load(
            "certificate: one.pem", "certificates: [{certificate: two.pem}]")
        #expect(
            said.hasPrefix(
                """
                a.yaml:5:36: warning: listen[0].tls.certificates[0].certificate: the certificate of \
                CN=two is not used for www.x.example, x.example: that of CN=one stands before it, \
                with a key of the same kind (EC); accepted: names beside them, for each what it is for

                """.replacing("a.yaml", with: folder.path + "/a.yaml")))
        #expect(said.contains("a.yaml:4:20: note: the first stands here"))
        let server = try #require(context)
        func subject(_ name: String) -> String {
            server.entries[server.entry(for: Array(name.utf8))].identities[0].subject
        }
        #expect(subject("x.example") == "CN=one")
        #expect(subject("new.x.example") == "CN=two")
        // As the advice has it.
        let followed = try load(
            "certificate: one.pem", "names: [x.example]",
            "certificates: [{certificate: two.pem, names: [www.x.example, new.x.example]}]")
        #expect(followed.said == "")
        #expect(try kinds(followed.context, "unknown.example") == "EC")
        // What is left without a name is of no use.
        try write("three", ["x.example"])
        #expect(
            try load("certificate: one.pem", "certificates: [{certificate: three.pem}]").said
                .contains("(EC); accepted: one of them"))
    }

    @Test func `of many names some are told`() throws {
        let names = (1...5).map { "a\($0).example" }
        try write("one", names)
        try write("two", names)
        #expect(
            try load("certificate: one.pem", "certificates: [{certificate: two.pem}]").said
                .contains("is not used for a1.example, a2.example, a3.example and 2 more: that"))
    }

    @Test func `a name has one demand on clients`() throws {
        try write("main", ["main.example"])
        try write("ec", ["x.example", "ec.example"])
        try write("rsa", ["x.example", "rsa.example"], .rsa)
        func entries(_ ec: String, _ rsa: String) throws -> (String, TLSServerContext?) {
            let result = try load(
                "certificate: main.pem", "client_ca: main.pem",
                "certificates:", "  - {certificate: ec.pem\(ec)}",
                "  - {certificate: rsa.pem\(rsa)}")
            return (result.said, result.context)
        }
        let (asks, other) = (", client_auth: require", ", client_auth: require, client_ca: ec.pem")
        // What one of them says holds for the name, and for no other name of the other.
        for (ec, rsa) in [(asks, ""), ("", asks)] {
            let (said, context) = try entries(ec, rsa)
            let open = ec == "" ? "ec.example" : "rsa.example"
            #expect(
                said.contains(
                    "\(open) asks nothing of clients, though x.example in the same certificate does; "
                        + "accepted: client_auth beside this certificate, too, or names"))
            #expect(try kinds(context, "x.example") == "EC+RSA asks")
            #expect(try kinds(context, "ec.example") == (ec == "" ? "EC" : "EC asks"))
            #expect(try kinds(context, "rsa.example") == (rsa == "" ? "RSA" : "RSA asks"))
            #expect(try kinds(context, "main.example") == "EC")
        }
        #expect(try entries(asks, asks).0 == "")
        for (ec, rsa) in [(asks, other), (asks, ", client_auth: none"), (other, asks)] {
            let (said, context) = try entries(ec, rsa)
            #expect(
                said.contains(
                    "certificates[1].client_auth: something else is asked of clients than beside "
                        + "another certificate for x.example; accepted: "))
            #expect(context == nil)
        }
    }

    @Test func `the names of the first one have the listener's`() throws {
        try write("ec", ["x.example", "new.x.example"])
        try write("rsa", ["x.example"], .rsa)
        let lines = "[{certificate: rsa.pem, client_auth: require, client_ca: ec.pem}]"
        #expect(
            try load("certificate: ec.pem", "certificates: \(lines)").said
                .contains("something else is asked of clients"))
        let (said, context) = try load(
            "certificate: ec.pem", "client_auth: require", "client_ca: ec.pem",
            "certificates: \(lines)")
        #expect(said == "")
        for name in ["x.example", "unknown.example"] {
            #expect(try kinds(context, name) == "EC+RSA asks")
        }
    }

    @Test func `so has the address of the first one`() throws {
        try write("ec", ["IP:127.0.0.1"])
        try write("rsa", ["IP:127.0.0.1"], .rsa)
        try write("named", ["IP:127.0.0.1", "x.example"], .rsa)
        let asks = "client_auth: require, client_ca: ec.pem"
        for (name, own) in [
            ("rsa", asks), ("named", asks), ("rsa", "client_auth: request, client_ca: ec.pem"),
        ] {
            let (said, context) = try load(
                "certificate: ec.pem", "certificates: [{certificate: \(name).pem, \(own)}]")
            #expect(
                said.contains(
                    "certificates[0].client_auth: something else is asked of clients than beside "
                        + "another certificate for the same address; accepted: "))
            #expect(context == nil)
        }
        // The listener's own is no less.
        for (own, isGood) in [
            (asks, true), ("client_auth: none", false),
            ("client_auth: require, client_ca: rsa.pem", false),
        ] {
            let (said, context) = try load(
                "certificate: ec.pem", "client_auth: require", "client_ca: ec.pem",
                "certificates: [{certificate: rsa.pem, \(own)}]")
            #expect((said == "") == isGood, "\(said)")
            if isGood { #expect(try kinds(context, "") == "EC+RSA asks") }
        }
        // With names beside it, its demand is for these.
        let (said, context) = try load(
            "certificate: ec.pem",
            "certificates: [{certificate: named.pem, names: [x.example], \(asks)}]")
        #expect(said == "")
        #expect(try kinds(context, "") == "EC")
        #expect(try kinds(context, "x.example") == "RSA asks")
    }

    /// Names that get by what is asked for others, if they were not meant to.
    static let gaps: [(ec: [String], own: String, rsa: [String], said: String)] = [
        (
            ["admin.example"], asks, ["admin.example", "new-admin.example", "old.example"],
            "new-admin.example, old.example ask nothing of clients, though admin.example in the same "
                + "certificate does"
        ),
        (
            ["admin.example", "*.admin.example"], asks, ["admin.example", "www.admin.example"],
            "www.admin.example asks nothing of clients, though admin.example in the same"
        ),
        (
            ["*.admin.example"], asks, ["www.admin.example"],
            "www.admin.example asks nothing of clients, though *.admin.example does"
        ),
        (
            ["*.admin.example"], asks, ["b.a.admin.example", "*.b.admin.example"],
            "b.a.admin.example, *.b.admin.example ask nothing of clients, though *.admin.example does"
        ),
        (["admin.example"], asks, ["admin.example"], ""),
        (["*.admin.example"], asks, ["admin.example", "other.example"], ""),
        (["*.admin.example"], "client_auth: none", ["www.admin.example"], ""),
    ]
    private static let asks = "client_auth: require, client_ca: main.pem"

    @Test(arguments: gaps)
    func `a name that asks less than its neighbours is a finding`(
        _ gap: (ec: [String], own: String, rsa: [String], said: String)
    ) throws {
        try write("main", ["main.example"])
        try write("ec", gap.ec)
        try write("rsa", gap.rsa, .rsa)
        let entry = "  - {certificate: ec.pem, \(gap.own)}"
        let (said, context) = try load(
            "certificate: main.pem", "certificates:", entry, "  - certificate: rsa.pem")
        #expect(context != nil)
        #expect(gap.said == "" ? said == "" : said.contains(gap.said), "\(said)")
        let result = ConfigurationLoader.load(path: folder.path + "/a.yaml")
        #expect(!result.diagnostics.contains { !$0.isFinding })
        // Whoever says what is asked there has meant it.
        let own = gap.rsa.contains(gap.ec[0]) ? Self.asks : "client_auth: none"
        #expect(
            try load(
                "certificate: main.pem", "certificates:", entry,
                "  - {certificate: rsa.pem, \(own)}"
            ).said == "")
    }

    @Test func `so is one of the listener's own certificate`() throws {
        try write("main", ["main.example", "www.admin.example"])
        try write("ec", ["*.admin.example"])
        let entry = "certificates: [{certificate: ec.pem, \(Self.asks)}]"
        let said = try load("certificate: main.pem", entry).said
        #expect(said.contains("www.admin.example asks nothing of clients, though *.admin.example"))
        #expect(try load("certificate: main.pem", "client_auth: none", entry).said == "")
    }

    @Test func `and one that asks otherwise`() throws {
        try write("main", ["main.example"])
        try write("ec", ["x.example"])
        try write("rsa", ["x.example", "y.example"], .rsa)
        let said = try load(
            "certificate: main.pem", "client_auth: require", "client_ca: main.pem", "certificates:",
            "  - {certificate: ec.pem, client_ca: ec.pem}", "  - {certificate: rsa.pem}"
        ).said
        #expect(
            said.contains(
                "y.example asks of clients what the listener does, and not what x.example in the "
                    + "same certificate does"))
        // Less than the listener is open on purpose.
        #expect(
            try load(
                "certificate: main.pem", "client_auth: require", "client_ca: main.pem",
                "certificates:", "  - {certificate: ec.pem, client_auth: none}",
                "  - {certificate: rsa.pem}"
            ).said == "")
    }
}
