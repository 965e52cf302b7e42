// A backend goes away under load and comes back.

import Foundation
import TestSupport
import Testing

extension `End to end` {
    struct `An outage of the backend` {
        /// Clients on connections that they keep; each request has a number that its answer repeats.
        private final class Load: Sendable {
            let answered = Collected<Int>()
            let failed = Collected<(number: Int, status: Int)>()
            let wrong = Collected<String>()
            let hasStopped = Flag()
            /// The backend is there again: a request that is sent from now on succeeds.
            let isOver = Flag()
            private let group = DispatchGroup()

            init(_ gate: GateProcess, clients: Int) {
                for client in 0..<clients {
                    group.enter()
                    Thread.detachNewThread { [self] in
                        do { try run(gate, client) } catch { wrong.append("\(error)") }
                        group.leave()
                    }
                }
            }

            private func run(_ gate: GateProcess, _ client: Int) throws {
                let connection = try gate.connect(patience: 20)
                defer { connection.close() }
                var number = client
                while !hasStopped.isRaised {
                    number += 1000
                    let mustSucceed = isOver.isRaised
                    let isPost = number / 1000 % 3 == 0
                    let (method, path) =
                        isPost ? ("POST", "/post/\(number)") : ("GET", "/\(number)")
                    try connection.send(request(method, path, "Content-Length: 0"))
                    let answer = try connection.readFinalAnswer(to: method)
                    if answer.status == 200, answer.text == "\(method) \(path) HTTP/1.1\n" {
                        answered.append(number)
                    } else if !mustSucceed, [502, 504].contains(answer.status),
                        answer.value("Proxy-Status")?.hasPrefix("methodgate") == true
                    {
                        failed.append((number, answer.status))
                    } else {
                        wrong.append("\(method) \(path): \(answer.status) \(answer.text)")
                    }
                }
            }

            func stop() {
                hasStopped.raise()
                group.wait()
            }
        }

        @Test func `makes 502 or 504 and nothing else, and is over when it is over`() throws {
            let backend = try ScriptedBackend.echo()
            let gate = try GateProcess(configuration(backend.address, workers: 2))
            defer { end(gate) }
            let load = Load(gate, clients: 8)
            defer { load.hasStopped.raise() }
            #expect(eventually(within: 20) { load.answered.count > 200 })
            #expect(load.failed.count == 0)
            backend.stop()
            #expect(eventually(within: 20) { load.failed.count > 100 })
            let before = load.answered.count
            let again = try ScriptedBackend.echo(on: backend.address)
            defer { again.stop() }
            // Nothing remembers that it was away.
            load.isOver.raise()
            #expect(eventually(within: 20) { load.answered.count > before + 400 })
            load.stop()
            #expect(load.wrong.all == [])
            #expect(Set(load.answered.all).count == load.answered.count)
        }
    }
}
