internal import Glibc

// Whether the configuration's files, or those that it names, have been replaced. Looked at once a
// second by stat(2), which follows symbolic links: a link that is swapped above the file, as
// Kubernetes does with a ConfigMap, shows as another file. Folders are looked at as well, for files
// that join an include.

/// What the files were when they were last loaded.
package struct ConfigurationWatch {
    private struct Mark: Equatable {
        var device: UInt = 0
        var file: UInt = 0
        var size: Int = 0
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

    /// What is looked after.
    package let files: [String]
    private let paths: [String]
    private var known: [Mark]
    /// What was seen a second ago, where it is not what is known.
    private var pending: [Mark]?

    /// - Parameters:
    ///   - files: all that were loaded, the main one first; their folders are looked at as well.
    ///   - named: files that those name, and that no other can stand for: certificates, templates.
    package init(_ files: [String], naming named: [String] = []) {
        self.files = files + named
        var paths = self.files
        for file in files {
            let folder = Self.folder(file)
            if !paths.contains(folder) { paths.append(folder) }
        }
        self.paths = paths
        known = paths.map(Self.mark)
    }

    /// Whether the files are other ones than before and have not changed for a second, so that
    /// nobody is still writing them. True once for each change.
    package mutating func hasChanged() -> Bool {
        let now = paths.map(Self.mark)
        guard now != known else {
            pending = nil
            return false
        }
        guard now == pending else {
            pending = now
            return false
        }
        known = now
        pending = nil
        return true
    }

    private static func folder(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// All zeros for what is not there.
    private static func mark(_ path: String) -> Mark {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return Mark() }
        return Mark(
            device: UInt(status.st_dev), file: UInt(status.st_ino),
            size: status.st_mode & S_IFMT == S_IFDIR ? 0 : Int(status.st_size),
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec)
    }
}
