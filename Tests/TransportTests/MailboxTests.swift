import Foundation
import Glibc
import Memory
import Testing

@testable import Transport

@Suite struct MailboxTests {
    private func isReadable(_ descriptor: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) == 1
    }

    @Test func `messages arrive in order and make the descriptor readable once`() throws {
        let mailbox = try #require(Mailbox<Int>())
        #expect(!isReadable(mailbox.descriptor))
        #expect(mailbox.takeAll().isEmpty)
        for number in 0..<5 { mailbox.post(number) }
        #expect(isReadable(mailbox.descriptor))
        #expect(mailbox.takeAll() == [0, 1, 2, 3, 4])
        #expect(!isReadable(mailbox.descriptor))
        #expect(mailbox.takeAll().isEmpty)
    }

    @Test func `nothing is lost between threads, and each one's order stays`() throws {
        let mailbox = try #require(Mailbox<(sender: Int, number: Int)>())
        let threads = (0..<4).map { sender in
            Memory.Thread(name: "sender-\(sender)") {
                for number in 0..<5000 { mailbox.post((sender, number)) }
            }
        }
        var next = [0, 0, 0, 0]
        let end = Date().addingTimeInterval(20)
        while next.reduce(0, +) < 20_000, Date() < end {
            var entry = pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0)
            // A lost announcement would let this wait in vain.
            guard poll(&entry, 1, 5000) == 1 else { break }
            for message in mailbox.takeAll() {
                #expect(message.number == next[message.sender])
                next[message.sender] += 1
            }
        }
        for thread in threads { try #require(thread).join() }
        #expect(next == [5000, 5000, 5000, 5000])
    }
}
