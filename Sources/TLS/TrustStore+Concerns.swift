// Authorities that vouch for nobody any more: handshakes would fail one by one, and without a word
// from the configuration.

extension TrustStore {
    /// What is said of authorities that are not in force; `now` in seconds since 1970. Certain where
    /// all have expired.
    package func concerns(now: Int) -> [TLSIdentity.Concern] {
        TLSIdentity.Concern.ofOthers(others) + untimeliness(now)
    }

    private func untimeliness(_ now: Int) -> [TLSIdentity.Concern] {
        let untimely = authorities.compactMap { $0.untimeliness(now: now) }
        let areGone = untimely.count == authorities.count && untimely.allSatisfy(\.isCertain)
        guard areGone, let last = untimely.first else {
            return untimely.map { TLSIdentity.Concern(text: $0.text) }
        }
        let count = untimely.count
        let start = count == 1 ? last.text : "all \(count) authorities have expired (\(last.text))"
        return [
            TLSIdentity.Concern(
                text: start + ", so that nobody's certificate is good", isCertain: true)
        ]
    }
}
