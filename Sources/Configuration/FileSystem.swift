// The few system calls a load needs: reading a whole file and expanding a pattern.

import Glibc

/// Why a file could not be read, in words.
package struct FileError: Error, Equatable {
    package let message: String

    package init(message: String) { self.message = message }
}

enum FileSystem {
    /// All bytes of a file. Calls open(2), fstat(2), read(2).
    static func read(_ path: String, _ demands: FileDemands) throws(FileError) -> [UInt8] {
        let limit = demands.limit
        let flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (demands.isRegular ? O_NONBLOCK : 0)
        let descriptor = unsafe open(path, flags)
        guard descriptor >= 0 else { throw FileError(message: "cannot be opened: " + errorText()) }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw FileError(message: "cannot be read: " + errorText())
        }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(message: "is a directory") }
        guard !demands.isRegular || status.st_mode & S_IFMT == S_IFREG else {
            throw FileError(message: "is no regular file")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(min(limit, max(0, Int(status.st_size))) + 1)
        try readAll(descriptor, atMost: limit, into: &bytes)
        return bytes
    }

    private static func readAll(
        _ descriptor: CInt, atMost limit: Int, into bytes: inout [UInt8]
    ) throws(FileError) {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            // The buffer is the array's own storage, and read(2) writes at most its length.
            let length = unsafe chunk.withUnsafeMutableBytes { buffer in
                unsafe Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            }
            if length < 0 {
                if errno == EINTR { continue }
                throw FileError(message: "cannot be read: " + errorText())
            }
            guard length > 0 else { return }
            bytes.append(contentsOf: chunk[..<length])
            guard bytes.count <= limit else {
                throw FileError(message: "is larger than \(Size.text(limit))")
            }
        }
    }

    /// The paths a pattern matches, sorted bytewise; none is fine. Calls glob(3).
    static func expand(_ pattern: String) throws(FileError) -> [String] {
        var found = unsafe glob_t()
        defer { unsafe globfree(&found) }
        let status = unsafe glob(pattern, GLOB_ERR | GLOB_NOSORT, nil, &found)
        // A folder that is not there holds no match; one that may not be read could hold some.
        if status == GLOB_NOMATCH || status == GLOB_ABORTED && errno == ENOENT { return [] }
        guard status == 0 else { throw FileError(message: "cannot be expanded: " + errorText()) }
        var paths: [String] = []
        for index in 0..<Int(unsafe found.gl_pathc) {
            if let path = unsafe found.gl_pathv[index] {
                paths.append(unsafe String(cString: path))
            }
        }
        return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The text of the current errno.
    private static func errorText() -> String { unsafe String(cString: strerror(errno)) }
}
