// Memory for tables that are filled once and then only read, at random. Large ones ask the kernel
// for huge pages: a look-up in a table of many megabytes otherwise misses the processor's
// translation cache with nearly every line that it touches, and under a hypervisor such a miss
// costs more than the line itself.

internal import Glibc

/// Memory with one owner, who gives it back with the size that it was asked for.
package enum FixedMemory {
    /// Bytes of a huge page on the processors with pages of 4 KiB. Where they are of another size
    /// the request is one the kernel does not follow.
    static let hugePage = 2 << 20

    /// `byteCount` bytes, 64-byte aligned. Traps where the machine has none.
    package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer {
        guard byteCount >= hugePage else {
            return .allocate(byteCount: byteCount, alignment: 64)
        }
        return unsafe mapped(mappedLength(byteCount))
    }

    package static func deallocate(_ memory: UnsafeMutableRawPointer, byteCount: Int) {
        guard byteCount >= hugePage else {
            unsafe memory.deallocate()
            return
        }
        unsafe munmap(memory, mappedLength(byteCount))
    }

    private static func mappedLength(_ byteCount: Int) -> Int {
        (byteCount + hugePage - 1) & ~(hugePage - 1)
    }

    /// Whole huge pages (mmap(2), madvise(2) MADV_HUGEPAGE); a kernel that has none gives others.
    private static func mapped(_ length: Int) -> UnsafeMutableRawPointer {
        // One page more, so that an aligned beginning lies within.
        let reserved = unsafe mmap(
            nil, length + hugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let reserved = unsafe reserved, unsafe reserved != MAP_FAILED else {
            fatalError("no memory for a table of \(length) bytes")
        }
        let skipped = -Int(bitPattern: reserved) & (hugePage - 1)
        let memory = unsafe reserved + skipped
        // What lies before and behind goes back; both are parts of the mapping just made.
        if skipped > 0 { unsafe munmap(reserved, skipped) }
        unsafe munmap(memory + length, hugePage - skipped)
        unsafe madvise(memory, length, MADV_HUGEPAGE)
        return unsafe memory
    }
}
