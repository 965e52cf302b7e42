// What another client sees, OpenSSL's own: versions and renegotiation that are refused, and the
// OCSP response that is stapled.

import Foundation
import TLS
import TestSupport
import Testing

extension `End to end` {
    struct `OpenSSL's client` {
        /// Runs a line of shell in a folder; what it printed, errors too.
        private func shell(_ line: String, in folder: String) throws -> String {
            let process = try ChildProcess("/bin/sh", ["-c", "cd '\(folder)'; { \(line); } 2>&1"])
            defer { process.stop(within: 0) }
            _ = process.waitForExit(within: 60)
            return String(decoding: process.standardOutput, as: UTF8.self)
        }

        private func connect(_ gate: GateProcess, _ options: String, input: String = "")
            throws -> String
        {
            try shell(
                "(sleep 1; printf '\(input)'; sleep 2) | openssl s_client -connect \(gate.address) "
                    + options, in: gate.directory.path)
        }

        /// With a certificate of each kind of key, since a suite may be for one alone.
        private func gateOfBothKinds(_ backend: Address) throws -> GateProcess {
            let fixture = try TLSFixture()
            let names = ["DNS:a.example", "DNS:b.example"]
            try fixture.write(SelfSigned(commonName: "ec", names: names), as: "ec.pem")
            try fixture.write(SelfSigned(commonName: "rsa", names: names, .rsa), as: "rsa.pem")
            return try fixture.gate(
                backend,
                tls: ["certificate: ec.pem", "certificates: [{certificate: rsa.pem}]"])
        }

        /// Those of `TLSOptions.standardCiphers`, as docs/tls.md describes them.
        private static let documented: Set = [
            "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
            "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
            "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
            "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
        ]

        /// Each by itself, so that no better one hides it: CBC, RSA key exchange, finite fields and
        /// whatever else OpenSSL has.
        @Test func `gets the documented suites, and no other`() throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try gateOfBothKinds(backend.address)
            defer { end(gate) }
            let output = try shell(
                """
                ask() { openssl s_client -connect \(gate.address) "$@" </dev/null 2>&1 |
                    sed -n 's/.*Cipher is //p'; }
                for suite in $(openssl ciphers ALL:COMPLEMENTOFALL:@SECLEVEL=0 | tr : ' ') \
                    TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256; do
                    case $suite in
                        TLS_*) echo "$suite $(ask -tls1_3 -ciphersuites $suite)" ;;
                        *) echo "$suite $(ask -tls1_2 -cipher $suite:@SECLEVEL=0)" ;;
                    esac
                done
                """, in: gate.directory.path)
            var agreed: Set<String> = []
            let lines = output.split(separator: "\n")
            for line in lines {
                let words = line.split(separator: " ")
                #expect(words.count == 2, "\(line)")
                guard words.last != "(NONE)" else { continue }
                #expect(words.first == words.last)
                agreed.insert(String(words[0]))
            }
            #expect(agreed == Self.documented)
            #expect(lines.count > 100)
            #expect(lines.contains("AES128-GCM-SHA256 (NONE)"))
        }

        @Test func `gets no old version, no compression, no renegotiation and no early data`()
            throws
        {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try gateOfBothKinds(backend.address)
            defer { end(gate) }
            for version in ["-tls1", "-tls1_1"] {
                let refused = try shell(
                    "openssl s_client -connect \(gate.address) \(version) "
                        + "-cipher ALL:@SECLEVEL=0 </dev/null", in: gate.directory.path)
                #expect(refused.contains("Cipher is (NONE)"))
                #expect(refused.contains("alert protocol version"), "\(refused)")
            }
            let answer = try connect(gate, "-tls1_2 -comp", input: "R\\n")
            #expect(answer.contains("Compression: NONE"))
            #expect(answer.contains("RENEGOTIATING"))
            #expect(answer.contains("no renegotiation"))
            // What a ticket would promise.
            let new = try connect(gate, "-tls1_3")
            #expect(new.contains("Max Early Data: 0\n"), "\(new)")
            #expect(!new.replacingOccurrences(of: "Data: 0\n", with: "").contains("Early Data: "))
            #expect(try gate.exchange(request("GET")).status == 200)
        }

        @Test(arguments: [
            ("-tls1_3 -sigalgs ECDSA+SHA256", "ECDSA"),
            ("-tls1_3 -sigalgs RSA-PSS+SHA256", "RSA-PSS"),
            ("-tls1_2 -sigalgs ECDSA+SHA256", "ECDSA"), ("-tls1_2 -sigalgs RSA+SHA256", "RSA"),
        ])
        func `gets the certificate whose key it can check`(
            _ options: String, _ kind: String
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let names = ["DNS:a.example", "DNS:b.example"]
            try fixture.write(SelfSigned(commonName: "ec", names: names), as: "ec.pem")
            try fixture.write(SelfSigned(commonName: "rsa", names: names, .rsa), as: "rsa.pem")
            // Whichever stands first.
            for order in [["ec", "rsa"], ["rsa", "ec"]] {
                let gate = try fixture.gate(
                    backend.address,
                    tls: [
                        "certificate: \(order[0]).pem",
                        "certificates: [{certificate: \(order[1]).pem}]",
                    ])
                defer { end(gate) }
                let answer = try connect(gate, "-servername b.example \(options)")
                #expect(answer.contains("Peer signature type: \(kind)\n"), "\(answer)")
                #expect(answer.contains("subject=CN = \(kind == "ECDSA" ? "ec" : "rsa")\n"))
            }
        }

        @Test(arguments: [
            ("x.example", "ECDSA", "ec"), ("x.example", "RSA-PSS", "rsa"),
            ("new.example", "ECDSA", "ec"), ("new.example", "RSA-PSS", nil),
            ("unknown.example", "RSA-PSS", "rsa"),
        ])
        func `gets for each name what there is for it, though the names of two differ`(
            _ name: String, _ kind: String, _ subject: String?
        ) throws {
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let fixture = try TLSFixture()
            let names = ["DNS:x.example", "DNS:www.x.example"]
            try fixture.write(
                SelfSigned(commonName: "ec", names: names + ["DNS:new.example"]), as: "ec.pem")
            try fixture.write(SelfSigned(commonName: "rsa", names: names, .rsa), as: "rsa.pem")
            let gate = try fixture.gate(
                backend.address,
                tls: ["certificate: ec.pem", "certificates: [{certificate: rsa.pem}]"])
            defer { end(gate) }
            let answer = try connect(gate, "-servername \(name) -tls1_3 -sigalgs \(kind)+SHA256")
            #expect(answer.contains("Cipher is (NONE)") == (subject == nil), "\(answer)")
            guard let subject else { return }
            #expect(answer.contains("Peer signature type: \(kind)\n"), "\(answer)")
            #expect(answer.contains("subject=CN = \(subject)\n"), "\(answer)")
        }

        @Test func `gets the OCSP response that the file has`() throws {
            let fixture = try TLSFixture()
            let made = try shell(
                """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                  -keyout ca-key.pem -out ca.pem -days 30 -subj /CN=authority
                openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                  -keyout leaf-key.pem -out leaf.csr -subj /CN=a.example
                echo subjectAltName=DNS:a.example > names
                openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial \
                  -out leaf.pem -days 20 -extfile names
                serial=$(openssl x509 -in leaf.pem -noout -serial | cut -d= -f2)
                printf 'V\\t450101000000Z\\t\\t%s\\tunknown\\t/CN=a.example\\n' $serial > index.txt
                openssl ocsp -index index.txt -rsigner ca.pem -rkey ca-key.pem -CA ca.pem \
                  -issuer ca.pem -cert leaf.pem -respout leaf.ocsp -no_nonce
                cat ca.pem >> leaf.pem
                """, in: fixture.directory.path)
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            let gate = try fixture.gate(
                backend.address,
                tls: [
                    "certificate: leaf.pem", "key: leaf-key.pem", "ocsp_response: leaf.ocsp",
                ])
            defer { end(gate) }
            let answer = try connect(gate, "-servername a.example -CAfile ca.pem -status")
            #expect(answer.contains("Cert Status: good"), "\(made)\n\(answer)")
            #expect(answer.contains("Verify return code: 0 (ok)"))
            #expect(!gate.process.standardError.contains("warning"))
        }

        @Test func `gets no OCSP response that is over, or calls the certificate revoked`() throws {
            let fixture = try TLSFixture()
            let made = try TestTLS.certificate
            let backend = try ScriptedBackend.echo()
            defer { backend.stop() }
            for (seconds, status, isStapled) in [
                (600, Int32(0), true), (-600, 0, false), (600, 1, false),
            ] {
                let response = try Authority(made).vouch(
                    for: made.certificate, until: seconds, status: status)
                try Data(response).write(
                    to: URL(fileURLWithPath: fixture.directory.path("front.ocsp")))
                let gate = try fixture.gate(
                    backend.address, tls: ["certificate: front.pem", "ocsp_response: front.ocsp"])
                defer { end(gate) }
                let answer = try connect(gate, "-servername a.example -status")
                #expect(answer.contains("Cert Status: good") == isStapled)
                #expect(answer.contains("OCSP response: no response sent") == !isStapled)
                #expect(gate.process.standardError.contains("is not stapled") == !isStapled)
            }
        }
    }
}
