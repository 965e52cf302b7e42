package import Audit
package import Configuration
import Digest
import HTTP1
import HTTPSyntax
package import Policy
package import Transport

// A loaded configuration in the shape the workers use, and each worker's count of the requests
// that still run on it: a request finishes on the snapshot it began with.

/// Immutable; shared by all workers, retained once by each.
package final class Snapshot: Sendable {
    package let settings: Settings
    package let policy: CompiledPolicy
    /// Where each backend is reached, by its index.
    let addresses: [SocketAddress]
    /// The same as text, for records.
    let addressTexts: TextTable
    private let policyDigest: TextTable
    let blockSink: AuditSink
    let accessSink: AuditSink?

    /// `addresses` has the backends of `settings` in their order.
    package init(
        settings: Settings, addresses: [SocketAddress], blocks: AuditSink, access: AuditSink?
    ) {
        self.settings = settings
        self.policy = settings.policy
        self.addresses = addresses
        addressTexts = TextTable(settings.backends.map(\.address.text))
        var digest = ByteBuffer()
        settings.policyDigest.append(hexTo: &digest)
        policyDigest = TextTable([digest.view.text])
        blockSink = blocks
        accessSink = access
    }

    /// The policy's digest as records name it.
    var policyDigestText: ByteView { policyDigest.view(0) }
}

/// One worker's hold on a snapshot, so that workers share no reference count.
struct SnapshotUse: ~Copyable {
    let snapshot: Snapshot
    /// The worker's pool for each backend, by its index.
    let pools: [Ref<UpstreamPool>]
    /// Requests that began on this snapshot and have not ended.
    var users = 0
    let timeouts: Timeouts
    /// Of the heads and trailers of requests that began on it, and of their answers.
    let requestLimits: HeadLimits
    let responseLimits: HeadLimits
    /// Bytes of request content at most; nil: no limit.
    let contentLimit: UInt64?
    /// Where decisions under this configuration are counted; nil where nobody asks for counts.
    let counters: RuleCounters?
    /// The same, uncounted: `counters` keeps them alive.
    let counting: Uncounted<RuleCounters>?

    /// Whose word is believed; uncounted, as the policy is.
    let trusted: Uncounted<AddressSet>
    /// The snapshot's own policy, uncounted: `snapshot` keeps it alive.
    let policy: Uncounted<CompiledPolicy>

    init(snapshot: Snapshot, pools: [Ref<UpstreamPool>]) {
        self.snapshot = snapshot
        self.pools = pools
        timeouts = snapshot.settings.timeouts
        requestLimits = snapshot.settings.limits.ofRequests
        responseLimits = snapshot.settings.limits.ofResponses
        contentLimit = snapshot.settings.limits.content.map(UInt64.init)
        let counters = snapshot.settings.isObserved ? RuleCounters(snapshot.policy) : nil
        self.counters = counters
        counting = counters.map { Uncounted(keptElsewhere: $0) }
        trusted = Uncounted(keptElsewhere: snapshot.settings.trustedProxies)
        policy = Uncounted(keptElsewhere: snapshot.policy)
    }
}
