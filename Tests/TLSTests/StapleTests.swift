import Glibc
import TestSupport
import Testing

@testable import TLS

/// What an OCSP response must be to be stapled.
@Suite struct StapleTests {
    private let made: SelfSigned
    private let root: Authority
    private let leaf: Bytes

    init() throws {
        made = try SelfSigned(commonName: "a", names: ["DNS:a.example"])
        root = try Authority(SelfSigned(commonName: "root", names: ["DNS:root.example"]))
        leaf = try root.sign(made)
    }

    private func staple(_ response: Bytes, chain: Bytes? = nil) throws -> OCSPStaple {
        let identity = try TLSIdentity(chain: chain ?? leaf, key: made.key, staple: response)
        return try #require(identity.staple)
    }

    @Test func `one about the certificate is good until its nextUpdate`() throws {
        let now = time(nil)
        for chain in [leaf, leaf + root.pem] {
            let staple = try staple(try root.vouch(for: leaf, until: 600), chain: chain)
            #expect(staple.problem == nil)
            #expect(staple.isGood(now: now) && !staple.isGood(now: now + 700))
            #expect(staple.concern(now: now) == nil)
        }
    }

    @Test func `one that is over is known by its day, and one without an end is never over`() throws
    {
        let now = time(nil)
        let over = try staple(try root.vouch(for: leaf, until: -60))
        #expect(over.problem == nil && !over.isGood(now: now))
        #expect(
            over.concern(now: now)
                == "was good until \(dateText(now - 60)) (nextUpdate), and is not stapled")
        let endless = try staple(try root.vouch(for: leaf, until: nil))
        #expect(endless.isGood(now: now + 1 << 30) && endless.concern(now: now) == nil)
    }

    @Test(arguments: [Int32(1), 2])
    func `one that does not call the certificate good is none`(_ status: Int32) throws {
        let staple = try staple(try root.vouch(for: leaf, status: status))
        #expect(staple.problem == nil && !staple.isGood(now: time(nil)))
        let word = status == 1 ? "revoked" : "unknown"
        #expect(
            staple.concern(now: time(nil)) == "calls the certificate \(word), and is not stapled")
    }

    @Test func `one that begins later is none before, give or take five minutes`() throws {
        let now = time(nil)
        let staple = try staple(try root.vouch(for: leaf, from: 3600))
        #expect(staple.problem == nil)
        #expect(!staple.isGood(now: now) && !staple.isGood(now: now + 3600 - 310))
        #expect(staple.isGood(now: now + 3600 - 290))
        #expect(
            staple.concern(now: now)
                == "is not good before \(dateText(now + 3600)) (thisUpdate), and is not stapled")
    }

    @Test func `one with bytes behind it is none`() throws {
        for rest: Bytes in [[0], Bytes("\n".utf8), try root.vouch(for: leaf)] {
            let staple = try staple(try root.vouch(for: leaf) + rest)
            #expect(staple.problem?.message == "is an OCSP response with bytes behind its end")
            #expect(!staple.isGood(now: time(nil)))
        }
    }

    @Test func `one about another certificate is none`() throws {
        let other = try root.sign(SelfSigned(commonName: "b", names: ["DNS:b.example"]))
        let stranger = try Authority(SelfSigned(commonName: "stranger", names: ["DNS:s.example"]))
        // The same name, and another key: seen where the issuer is in the file.
        let twin = try Authority(SelfSigned(commonName: "root", names: ["DNS:root.example"]))
        for response in try [root.vouch(for: other), stranger.vouch(for: stranger.sign(made))] {
            let staple = try staple(response)
            #expect(staple.problem?.message == "is an OCSP response about another certificate")
            #expect(!staple.isGood(now: time(nil)))
        }
        #expect(try staple(twin.vouch(for: leaf)).problem == nil)
        #expect(try staple(twin.vouch(for: leaf), chain: leaf + root.pem).problem != nil)
    }

    @Test func `one without an answer is none`() throws {
        // Successful, without content (RFC 6960 §4.2.1), and "try later".
        for response: Bytes in [[0x30, 3, 0x0A, 1, 0], [0x30, 3, 0x0A, 1, 3]] {
            #expect(
                try staple(response).problem?.message == "is an OCSP response without an answer")
        }
    }
}
