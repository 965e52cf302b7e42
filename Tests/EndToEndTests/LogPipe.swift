import Foundation
import Glibc
import TestSupport
import Testing

/// A FIFO that a log goes to, whose room the test decides on.
enum LogPipe {
    private static let filler: UInt8 = 0x23

    /// Makes it, and opens it without waiting for anybody: to fill it, and to take out what is there.
    static func make(at path: String) throws -> Int32 {
        #expect(mkfifo(path, 0o600) == 0)
        let descriptor = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        #expect(descriptor >= 0)
        return descriptor
    }

    /// Leaves no room for another byte.
    static func fill(_ descriptor: Int32) {
        let block = Bytes(repeating: filler, count: 4096)
        while write(descriptor, block, block.count) > 0 {}
        while write(descriptor, block, 1) > 0 {}
    }

    /// Adds all that is there, but for the filling.
    static func drain(_ descriptor: Int32, _ bytes: inout Bytes) {
        var buffer = Bytes(repeating: 0, count: 65_536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return }
            bytes += buffer[..<count].filter { $0 != filler }
        }
    }
}
