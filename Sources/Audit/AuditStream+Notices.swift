// Records about the gate itself. They stand in the same stream as the blocks, so that who reads
// it knows which policy was in force and where a file begins.

import HTTPSyntax

extension AuditStream {
    /// A policy is in force from here on: the first one of the stream, or a new one. It allocates.
    package func appendConfigurationLoaded(
        at time: Timestamp, policyDigest digest: [UInt8], file: String, ruleCount: Int
    ) {
        reportDrops(at: time)
        let isFirst = state.policyDigest.isEmpty
        let start = state.begin(
            isFirst
                ? """
                ,"event.kind":"event","event.category":["configuration"],"event.type":["info"]\
                ,"event.action":"configuration-loaded"
                """
                : """
                ,"event.kind":"event","event.category":["configuration"],"event.type":["change"]\
                ,"event.action":"configuration-loaded"
                """, at: time)
        state.queue.lines.append(",\"file.path\":", text: file)
        state.queue.lines.append(",\"methodgate.rules\":")
        state.queue.lines.append(number: UInt64(ruleCount))
        if !isFirst {
            state.queue.lines.append(",\"methodgate.previous_policy_sha256\":\"")
            state.queue.lines.append(state.policyDigest.view)
            state.queue.lines.append(byte: 0x22)
        }
        state.policyDigest.removeAll()
        digest.withView { state.policyDigest.append(hex: $0) }
        state.appendPolicyDigest()
        state.seal(from: start)
    }

    /// Appends `log-reopened` if the sink's file changed since the last call.
    package func noteReopening(of sink: AuditSink, at time: Timestamp) {
        let current = sink.generation
        guard current != generation else { return }
        generation = current
        reportDrops(at: time)
        let start = state.begin(
            """
            ,"event.kind":"event","event.category":["process"],"event.type":["info"]\
            ,"event.action":"log-reopened"
            """, at: time)
        state.appendPolicyDigest()
        state.seal(from: start)
    }
}
