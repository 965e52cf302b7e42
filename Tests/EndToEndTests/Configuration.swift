// What the end-to-end tests share: configurations, requests and threads.

import Foundation
import TestSupport
import Testing

/// Gates, backends and clients as processes and sockets. One test at a time, since some measure
/// memory and time.
@Suite(.serialized) enum `End to end` {}

/// A configuration with one listener and one backend; `rest` is added as it stands.
func configuration(
    _ backend: Address, listen: [String] = ["127.0.0.1:0"], workers: Int = 1,
    methods: String = "[GET, HEAD, PUT, DELETE]", rest: String = ""
) -> String {
    let listeners = listen.map { "  - address: \"\($0)\"\n" }.joined()
    return """
        listen:
        \(listeners)backends:
          app: \(backend.url)
        workers: \(workers)
        defaults:
          methods: \(methods)
        rules:
          /post/{rest...}: [GET, POST]
        \(rest)

        """
}

/// A request without content.
func request(_ method: String, _ target: String = "/", _ fields: String...) -> String {
    let lines = ["Host: a.example"] + fields
    return "\(method) \(target) HTTP/1.1\r\n\(lines.joined(separator: "\r\n"))\r\n\r\n"
}

/// A request that every configuration here blocks, on its default path.
let blocked = request("PATCH")

/// Stops a gate, and sees to it that it did not crash at the end or before.
func end(_ gate: GateProcess) {
    gate.stop()
    let status = gate.process.exitStatus.map { "\($0)" } ?? "running"
    #expect(!gate.hasCrashed, "the gate ended with \(status): \(gate.process.standardError)")
}

/// Runs the work in several threads at once and waits for all of them.
///
/// - Returns: the errors of those that threw.
func inThreads(_ count: Int, _ work: @escaping @Sendable (Int) throws -> Void) -> [any Error] {
    let errors = Collected<any Error>()
    let group = DispatchGroup()
    for number in 0..<count {
        group.enter()
        Thread.detachNewThread {
            do { try work(number) } catch { errors.append(error) }
            group.leave()
        }
    }
    group.wait()
    return errors.all
}

/// A list that threads share.
final class Collected<Element>: @unchecked Sendable {
    private let lock = NSLock()
    private var elements: [Element] = []

    func append(_ element: Element) { lock.withLock { elements.append(element) } }
    var all: [Element] { lock.withLock { elements } }
    var count: Int { all.count }
}

/// A flag that threads share.
final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false

    func raise() { lock.withLock { value = true } }
    var isRaised: Bool { lock.withLock { value } }
}
