import HTTP1
import HTTPSyntax
import StrictHTTP

extension FuzzTarget {
    /// The first bytes of a connection that a proxy opens, behind one that may mend the checksum
    /// of a binary header: one verdict on every prefix, and for another reader the same client and
    /// the same end, or no header either.
    static let proxyHeader = FuzzTarget("proxy-header", longest: 1024) { input throws(Finding) in
        guard let choice = input.first else { return }
        var bytes = Array(input.dropFirst())
        if choice & 1 == 1 { StrictProxyHeader.mendChecksum(of: &bytes) }
        let whole = verdict(on: bytes)
        for length in 0..<bytes.count {
            let part = verdict(on: Array(bytes[0..<length]))
            try require(
                part == .incomplete || part == whole,
                "the first \(length) bytes are \(part), all of them \(whole)")
        }
        switch whole {
        case .incomplete:
            let most = bytes.first == 0x0d ? 16 * 1024 : 107
            try require(bytes.count < most, "waits for more than \(bytes.count) bytes")
            fallthrough
        case .failed:
            let read = StrictProxyHeader(bytes)
            try require(read == nil, "\(whole), but another reader has \(String(describing: read))")
        case .complete(let header, let length):
            try check(header, length, bytes)
        }
    }

    /// What the bytes say; they end where their storage does.
    private static func verdict(on bytes: [UInt8]) -> ProxyHeader.Outcome {
        bytes.withView { ProxyHeader.parse($0) }
    }

    private static func check(
        _ header: ProxyHeader, _ length: Int, _ bytes: [UInt8]
    ) throws(Finding) {
        guard let read = StrictProxyHeader(bytes) else {
            throw Finding("\(header), but another reader has no header")
        }
        try require(length, equals: read.length, "end of the header")
        let says: (address: Bytes?, port: UInt16) =
            switch header {
            case .local, .unnamed: (nil, 0)
            case .client(let address, let port):
                ((0..<16).map { UInt8(truncatingIfNeeded: address.number >> (120 - 8 * $0)) }, port)
            }
        try require(says.address, equals: read.address, "client")
        try require(says.port, equals: read.port, "port")
        try require(header == .local, equals: read.isLocal, "LOCAL")
        let only = Array(bytes[0..<length])
        try require(verdict(on: only), equals: .complete(header, length: length), "alone")
        if length > 0 {
            try require(verdict(on: Array(only.dropLast())), equals: .incomplete, "a byte less")
        }
    }
}
