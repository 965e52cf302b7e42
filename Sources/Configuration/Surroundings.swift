// All that a load asks of the world outside of it, in one place: the rest of it depends on nothing
// but bytes.

/// What a file must be to be read.
package struct FileDemands: Sendable {
    /// Bytes. What is larger than the default is no text that somebody wrote (a device, a core).
    package var limit = 256 << 20
    /// Whether it must be a regular file, so that no reading waits.
    package var isRegular = false
}

/// Files and names, as one load sees them.
package struct Surroundings {
    /// All bytes of the file at a path.
    package var read: (String, FileDemands) throws(FileError) -> [UInt8]
    /// The paths that a pattern matches, sorted bytewise.
    package var expand: (String) throws(FileError) -> [String]
    /// The address of a host's name, or a failure after so many milliseconds. May block.
    package var resolve: (String, Int) -> ResolvedName

    package init(
        read: @escaping (String, FileDemands) throws(FileError) -> [UInt8],
        expand: @escaping (String) throws(FileError) -> [String],
        resolve: @escaping (String, Int) -> ResolvedName
    ) {
        self.read = read
        self.expand = expand
        self.resolve = resolve
    }

    /// The file system and the name servers of this machine.
    package static var machine: Surroundings {
        Surroundings(
            read: FileSystem.read, expand: FileSystem.expand, resolve: Resolver.lookUp)
    }
}
