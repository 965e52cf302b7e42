import TLS

extension FuzzTarget {
    /// The value of the extension by which a client names a host (RFC 6066 §3): what is taken is
    /// one host name as it stands there, in lower case, and it leads to the entry that a reader of
    /// certificates would take.
    static let serverName = FuzzTarget("server-name", longest: 512) { input throws(Finding) in
        let name = unsafe input.withUnsafeBufferPointer { unsafe ServerName.read($0) }
        guard let name else { return }
        let host = Array(input.dropFirst(5))
        let lowered = host.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        try require(
            name == lowered || name + [0x2E] == lowered, "\(name) was read out of \(input)")
        try require(input.count - 5 == Int(input[3]) * 256 + Int(input[4]), "the name's length")
        try require(input.count - 2 == Int(input[0]) * 256 + Int(input[1]), "the list's length")
        try require(name.allSatisfy { $0 > 0x20 && $0 < 0x7F }, "\(name) is no text")
        let found = Self.names.entry(for: name)
        try require(found, equals: Self.entry(for: name), "the entry of \(name)")
    }

    /// Names with entries of their own; 0 is for all others.
    private static let names = ServerNames([
        [], ["a.example"], ["*.a.example", "b.example"], ["*.b.a.example"], ["x.a.example"],
    ])

    /// The same by comparing texts.
    private static func entry(for name: [UInt8]) -> Int {
        let text = String(decoding: name, as: UTF8.self)
        let exact = ["a.example": 1, "b.example": 2, "x.a.example": 4]
        if let entry = exact[text] { return entry }
        let labels = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard labels.count == 2 else { return 0 }
        return ["a.example": 2, "b.a.example": 3][String(labels[1])] ?? 0
    }
}
