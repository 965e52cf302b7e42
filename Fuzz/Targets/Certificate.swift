import Configuration
import HTTPSyntax
import StrictHTTP
import TLS

extension FuzzTarget {
    /// A certificate, in DER or as PEM, beside another of a listener and as an authority of its clients:
    /// it loads or says what is wrong, and where it loads, its names ask for what stands beside it.
    static let certificate = FuzzTarget("certificate", longest: 4096) { input throws(Finding) in
        let isText = input.starts(with: Bytes("-----".utf8))
        let pem = isText ? input : armoured(input)
        let own = try own()
        let result = ConfigurationLoader.load(
            path: "/main.yaml",
            in: Surroundings(
                read: { path, _ throws(FileError) in
                    switch path {
                    case "/main.yaml": Bytes(text.utf8)
                    case "/own.pem": own
                    case "/odd.pem": pem
                    case "/key.pem": Bytes(key.utf8)
                    default: throw FileError(message: "cannot be opened")
                    }
                },
                expand: { _ throws(FileError) in [] },
                resolve: { _, _ in .address("192.0.2.1", isIPv6: false) }))
        try require(
            (result.settings == nil) == (result.errorCount > 0),
            "\(result.errorCount) errors, settings: \(result.settings != nil)")
        try require(
            result.rendered().unicodeScalars.allSatisfy { scalar in
                scalar == "\n" || scalar.properties.generalCategory != .control
            }, "a control byte in \(result.rendered().debugDescription)")
        guard let context = result.settings?.listeners[0].tls?.context else { return }
        try check(context, pem)
    }

    /// What is asked of clients beside the certificate is asked for each of its names.
    private static func check(_ context: TLSServerContext, _ pem: Bytes) throws(Finding) {
        guard let chain = try? CertificateChain(pem: pem) else {
            throw Finding("it loads, and cannot be read")
        }
        for name in chain.names where !name.hasPrefix("*.") {
            let facts = context.facts(context.entry(for: Bytes(name.utf8)))
            try require(facts.clients == .require, "\(name) asks for \(facts.clients)")
        }
    }

    private static func armoured(_ bytes: Bytes) -> Bytes {
        var text = ByteBuffer()
        bytes.withView { text.append(base64: $0) }
        let begin = Bytes("-----BEGIN CERTIFICATE-----\n".utf8)
        return begin + text.view.bytes + Bytes("\n-----END CERTIFICATE-----\n".utf8)
    }

    // MARK: What stands beside it

    private static let text = """
        listen:
          - address: 127.0.0.1:8443
            tls:
              certificate: own.pem
              certificates:
                - certificate: odd.pem
                  key: key.pem
                  client_auth: require
                  client_ca: odd.pem
        backends: {app: "http://127.0.0.1:3000"}
        defaults: {methods: [GET]}

        """

    private static func own() throws(Finding) -> Bytes {
        do { return try made.get() } catch { throw Finding("\(error)") }
    }

    private static let made = Result {
        let made = try SelfSigned(commonName: "own", names: ["DNS:own.example"], .rsa)
        return made.certificate + made.key
    }

    /// That of the certificates in the corpus, and of nothing else.
    private static let key = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgezXacuPyBqKv7pHf
        l6eYdFETt/lZMWVwb3hrJmuxVRyhRANCAASECla52uomUFRiFEwJqvTdz1ST0dh3
        IM1k8v4XApMk2lAho9R2htjhfTxLeyBz8h8Hy9YhYFowNeN4SeJkeUeM
        -----END PRIVATE KEY-----

        """
}
