// Who writes a log: what every line of a stream has in common.

import HTTPSyntax

/// The gate as its records name it.
package struct Observer: Sendable {
    package var product: String
    package var version: String
    package var hostname: String

    /// `hostname` is what gethostname(2) says.
    package init(product: String = "methodgate", version: String, hostname: String) {
        self.product = product
        self.version = version
        self.hostname = hostname
    }
}

/// The name of a stream: one worker of one start of the process.
package struct StreamID: Hashable, Sendable, CustomStringConvertible {
    /// `019aa3b2-6f60-7c1d-8b52-3f6f1a0c9d7e/0`.
    package let description: String

    /// Takes the id that this start of the process drew and the worker's number, from 0.
    package init(start: EventID, worker: Int) {
        var text = ByteBuffer(capacity: 64)
        start.append(to: &text)
        description = "\(text.view.text)/\(worker)"
    }
}
