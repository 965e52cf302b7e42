// Where records leave the process.

package import HTTPSyntax

import Synchronization

/// A log shared by all workers. Thread-safe; never waits for a reader.
package final class AuditSink: Sendable {
    package let destination: SinkDestination

    /// Opens the destination.
    package init(to destination: SinkDestination) throws(SinkError) {
        self.destination = destination
    }

    /// Hands whole lines to the kernel, as far as it takes them. `owner` is the worker's number:
    /// after a write that ended within a line only its owner may go on, the others get `EBUSY`.
    package func write(_ bytes: ByteView, owner: Int) -> SinkResult {
        SinkResult(written: 0, code: 0)
    }

    /// Opens the path again (SIGUSR1).
    package func reopen() -> ReopenResult { .unchanged }

    /// Opens the path again where another file, or none, is there now. For one thread, once a
    /// second.
    package func reopenIfMoved() -> ReopenResult { .unchanged }

    /// How often the file changed; `AuditStream.noteReopening` compares it.
    package var generation: Int { 0 }
}
