internal import COpenSSL
import HTTPSyntax

// The way between OpenSSL and the socket: no descriptor, but two windows of memory. A session is
// handed what was received where it lies, and what it writes gathers in one buffer of the worker.

/// Ciphertext on its way, once for each worker: no more than one session uses it at a time.
package struct TLSCiphertext: ~Copyable {
    /// What recv(2) fills.
    var input = ByteBuffer()
    /// What sessions write, until it is sent.
    var output = ByteBuffer()

    /// Without storage before the first session needs it.
    package init() {}

    /// Bytes of one recv(2) at most.
    static let readSize = 128 * 1024

    /// Room for one recv(2).
    var readSpace: MutableByteView {
        mutating get {
            input.removeAll()
            return input.space(atLeast: Self.readSize)
        }
    }
}

/// What an SSL object reads from and writes to (BIO_METHOD): its `TLSSession`.
enum TLSBytes {
    /// One for the process, never freed; BIO_meth_new allocates it at the first use.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard
            let method = unsafe BIO_meth_new(
                BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "methodgate")
        else { return nil }
        _ = unsafe BIO_meth_set_read_ex(method, tlsRead)
        _ = unsafe BIO_meth_set_write_ex(method, tlsWrite)
        _ = unsafe BIO_meth_set_ctrl(method, tlsControl)
        return unsafe method
    }()

    /// A BIO for the session at `context`; nil where no memory is left.
    static func make(_ context: UnsafeMutableRawPointer) -> OpaquePointer? {
        guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, context)
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }
}

/// Gives OpenSSL bytes of the window, or says that there are none now.
private func tlsRead(
    _ bio: OpaquePointer?, _ target: UnsafeMutablePointer<CChar>?, _ room: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let context = unsafe BIO_get_data(bio), let target = unsafe target,
        let count = unsafe count
    else { return 0 }
    let session = unsafe Ref<TLSSession>(context: context)
    let window = session.value.window
    guard !window.isEmpty else {
        unsafe methodgate_retry_read(bio)
        return 0
    }
    let length = Swift.min(room, window.count)
    // OpenSSL vouches for `room` bytes at `target`; the window is of another buffer.
    unsafe UnsafeMutableRawPointer(target).copyMemory(from: window.base, byteCount: length)
    session.value.window = window.dropFirst(length)
    unsafe count.pointee = length
    return 1
}

/// Takes what OpenSSL writes behind what it wrote before.
private func tlsWrite(
    _ bio: OpaquePointer?, _ source: UnsafePointer<CChar>?, _ length: Int,
    _ count: UnsafeMutablePointer<Int>?
) -> Int32 {
    guard let context = unsafe BIO_get_data(bio), let source = unsafe source,
        let count = unsafe count
    else { return 0 }
    let session = unsafe Ref<TLSSession>(context: context)
    let bytes = unsafe UnsafeRawPointer(source).assumingMemoryBound(to: UInt8.self)
    unsafe session.value.ciphertext.value.output.append(ByteView(base: bytes, count: length))
    unsafe count.pointee = length
    return 1
}

/// Flushing has nothing to do; nothing else is supported.
private func tlsControl(
    _ bio: OpaquePointer?, _ command: Int32, _ number: Int, _ pointer: UnsafeMutableRawPointer?
) -> Int { command == BIO_CTRL_FLUSH ? 1 : 0 }
