internal import Glibc

/// What a process has open.
package enum OpenDescriptors {
    /// How many are open beside the three standard ones, as proc_pid_fd(5) lists them; 0 where there
    /// is no /proc. At the start: what the parent left open, wanted or not.
    package static func countBeyondStandard() -> Int {
        guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
        defer { unsafe closedir(folder) }
        // The look itself has one.
        let own = unsafe dirfd(folder)
        var count = 0
        while let entry = unsafe readdir(folder) {
            let number = unsafe withUnsafePointer(to: entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe atoi($0) }
            }
            if number > 2, number != own { count += 1 }
        }
        return count
    }
}
