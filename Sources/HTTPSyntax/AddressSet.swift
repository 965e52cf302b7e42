// Networks, and sets of them: whom the gate believes. Looked up once a connection, and once more
// for each address that a trusted proxy names.

/// All addresses that begin with the same bits (RFC 4632).
package struct AddressPrefix: Hashable, Sendable, BitwiseCopyable {
    /// The lowest address of the network.
    package let first: IPAddress
    private let mask: UInt128

    /// Nil where `length` is none for the address's family (0 to 32, 0 to 128), or where the
    /// address has a bit set behind it.
    package init?(_ address: IPAddress, length: Int) {
        guard (0...(address.isIPv4 ? 32 : 128)).contains(length) else { return nil }
        self.init(containing: address, length: length)
        guard first == address else { return nil }
    }

    /// The network of that length which the address is in; `length` is one of its family.
    package init(containing address: IPAddress, length: Int) {
        // Shifting by all 128 bits gives 0.
        mask = ~0 << (128 &- UInt128(address.isIPv4 ? length &+ 96 : length))
        first = IPAddress(number: address.number & mask)
    }

    package var isIPv4: Bool { first.isIPv4 }

    /// Bits that its addresses have in common, of 32 or 128.
    package var length: Int { mask.nonzeroBitCount &- (isIPv4 ? 96 : 0) }

    /// Whether it holds every address of its family.
    package var isEverything: Bool { length == 0 }

    /// IPv4 addresses are in IPv4 networks only: `::/0` does not mean them.
    package func contains(_ address: IPAddress) -> Bool {
        (address.number ^ first.number) & mask == 0 && address.isIPv4 == isIPv4
    }
}

/// Networks, and perhaps the processes on this machine that come by a Unix socket. Immutable.
@safe package final class AddressSet: Sendable {
    /// Never written once this is made.
    private nonisolated(unsafe) let storage: UnsafeMutablePointer<AddressPrefix>
    private let count: Int
    package let includesUnix: Bool

    package init(_ prefixes: [AddressPrefix], includesUnix: Bool = false) {
        count = prefixes.count
        unsafe storage = .allocate(capacity: prefixes.count)
        for (index, prefix) in prefixes.enumerated() {
            unsafe (storage + index).initialize(to: prefix)
        }
        self.includesUnix = includesUnix
    }

    deinit { unsafe storage.deallocate() }

    /// Whether the address is in one of the networks; nil is a peer on a Unix socket.
    package func contains(_ address: IPAddress?) -> Bool {
        guard let address else { return includesUnix }
        for index in 0..<count {
            // In bounds: `count` prefixes were stored.
            if unsafe storage[index].contains(address) { return true }
        }
        return false
    }
}
