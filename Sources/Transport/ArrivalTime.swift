internal import CLibevent
internal import Glibc
package import HTTPSyntax

// When bytes came, as the kernel says: the one thing that tells what was on its way before a
// request from what answers it. It comes with the bytes, so that it costs no call of its own.

extension Socket {
    /// Has the kernel note when bytes arrive on a TCP stream (SO_TIMESTAMPNS).
    static func noteArrivals(_ descriptor: Int32) {
        _ = enable(descriptor, level: SOL_SOCKET, option: SO_TIMESTAMPNS_OLD)
    }

    /// `receive`, and when the newest of the bytes came: nanoseconds since 1970 by the system's
    /// clock, 0 where the kernel does not say (recvmsg(2), SCM_TIMESTAMPNS).
    package static func receiveNoting(
        _ descriptor: Int32, into space: MutableByteView
    ) -> (result: IOResult, arrival: Int64) {
        // A header of 16 bytes, and a timespec: aligned as both need.
        var control: (Int64, Int64, Int64, Int64) = (0, 0, 0, 0)
        var piece = unsafe iovec(
            iov_base: UnsafeMutableRawPointer(space.base), iov_len: space.count)
        let size = MemoryLayout.size(ofValue: control)
        let (count, code, length) = unsafe withUnsafeMutablePointer(to: &piece) { piece in
            unsafe withUnsafeMutablePointer(to: &control) { control -> (Int, Int32, Int) in
                var message = unsafe msghdr()
                unsafe message.msg_iov = piece
                unsafe message.msg_iovlen = 1
                unsafe message.msg_control = UnsafeMutableRawPointer(control)
                unsafe message.msg_controllen = size
                let count = unsafe methodgate_receive_message(descriptor, &message)
                return (count, errno, unsafe message.msg_controllen)
            }
        }
        guard count > 0 else { return (count == 0 ? .endOfStream : failure(code), 0) }
        let isTime = control.1 == Int64(SOL_SOCKET) | Int64(SO_TIMESTAMPNS_OLD) << 32
        let arrival = length >= size && isTime ? control.2 &* 1_000_000_000 &+ control.3 : 0
        return (.bytes(count), arrival)
    }
}
