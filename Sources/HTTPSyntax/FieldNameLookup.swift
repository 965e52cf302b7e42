// Finds the number of a field name. Every line of every head passes here, so the bytes are
// compared as words: a switch over the length leaves at most four candidates, and each of them
// costs two comparisons (four from 16 bytes on).

extension FieldName {
    /// A name of the table, and whether it was spelled with something else for `-`.
    package struct Match: Equatable, Sendable, BitwiseCopyable {
        package var name: FieldName
        package var isVariant: Bool

        package init(name: FieldName, isVariant: Bool) {
            self.name = name
            self.isVariant = isVariant
        }
    }

    /// The known name that `bytes` spell, letter case aside and any punctuation read as `-`, else
    /// `other`.
    ///
    /// `bytes` must hold no control bytes: they are not told from punctuation here. `isPlain`
    /// says that they are known to hold no `_` either.
    package static func lookup(_ bytes: ByteView, isPlain: Bool = false) -> Match {
        guard bytes.count >= 2, bytes.count <= longest else { return lookupPunctuated(bytes) }
        var key = NameKey(bytes)
        let hasUnderscore = !isPlain && key.hasUnderscore
        if hasUnderscore { key.replaceUnderscores() }
        let name = find(key)
        if case .other = name, !isPlain || key.beginsForwarded(bytes) {
            return lookupPunctuated(bytes)
        }
        guard hasUnderscore else { return Match(name: name, isVariant: false) }
        return Match(name: name, isVariant: true)
    }

    /// A name with other punctuation, any of which is read as `-`: what lighttpd hands to CGI and
    /// FastCGI programs has `_` for every byte but letters and digits. Of names that are longer than
    /// any of the table only the beginning counts.
    @inline(never) private static func lookupPunctuated(_ bytes: ByteView) -> Match {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: longest) { buffer in
            guard let base = buffer.baseAddress, bytes.count >= 2 else { return .other }
            let count = min(bytes.count, longest)
            var isVariant = false
            for index in 0..<count {
                let byte = bytes[index]
                let isDash = !ASCII.isLetter(byte) && !ASCII.isDigit(byte)
                if isDash && byte != UInt8(ascii: "-") { isVariant = true }
                // index is below the capacity.
                unsafe base[index] = isDash ? UInt8(ascii: "-") : byte
            }
            let folded = unsafe ByteView(base: base, count: count)
            let key = NameKey(folded)
            var name = bytes.count > longest ? .other : find(key)
            if case .other = name, key.beginsForwarded(folded) { name = .xForwardedOther }
            if case .other = name { return .other }
            return Match(name: name, isVariant: isVariant)
        }
    }

    private static let longest = 29

    /// The name of exactly these letters; the test compares this table with `FieldName.name`.
    @inline(__always) private static func find(_ key: NameKey) -> FieldName {
        switch key.count {
        case 2: if key.spells("te") { return .te }
        case 3: if key.spells("via") { return .via }
        case 4:
            if key.spells("host") { return .host }
            if key.spells("date") { return .date }
        case 5:
            if key.spells("allow") { return .allow }
            if key.spells("proxy") { return .proxy }
        case 6:
            if key.spells("accept") { return .accept }
            if key.spells("cookie") { return .cookie }
            if key.spells("origin") { return .origin }
            if key.spells("expect") { return .expect }
        case 7:
            if key.spells("upgrade") { return .upgrade }
            if key.spells("trailer") { return .trailer }
        case 8: if key.spells("location") { return .location }
        case 9:
            if key.spells("forwarded") { return .forwarded }
            if key.spells("x-real-ip") { return .xRealIP }
            if key.spells("path-info") { return .pathInfo }
        case 10:
            if key.spells("connection") { return .connection }
            if key.spells("user-agent") { return .userAgent }
            if key.spells("set-cookie") { return .setCookie }
            if key.spells("keep-alive") { return .keepAlive }
        case 11:
            if key.spells("traceparent") { return .traceparent }
            if key.spells("script-name") { return .scriptName }
        default: return findLong(key)
        }
        return .other
    }

    @inline(__always) private static func findLong(_ key: NameKey) -> FieldName {
        switch key.count {
        case 12:
            if key.spells("content-type") { return .contentType }
            if key.spells("x-request-id") { return .xRequestID }
            if key.spells("max-forwards") { return .maxForwards }
            if key.spells("proxy-status") { return .proxyStatus }
        case 13:
            if key.spells("authorization") { return .authorization }
            if key.spells("x-http-method") { return .xHTTPMethod }
            if key.spells("x-rewrite-url") { return .xRewriteURL }
        case 14:
            if key.spells("content-length") { return .contentLength }
            if key.spells("http2-settings") { return .http2Settings }
            if key.spells("x-original-url") { return .xOriginalURL }
        case 15: if key.spells("x-forwarded-for") { return .xForwardedFor }
        case 16:
            if key.spells("methodgate-event") { return .methodgateEvent }
            if key.spells("x-forwarded-host") { return .xForwardedHost }
            if key.spells("x-forwarded-port") { return .xForwardedPort }
            if key.spells("x-client-subject") { return .xClientSubject }
            if key.spells("proxy-connection") { return .proxyConnection }
        case 17:
            if key.spells("transfer-encoding") { return .transferEncoding }
            if key.spells("x-forwarded-proto") { return .xForwardedProto }
            if key.spells("x-method-override") { return .xMethodOverride }
        case 18:
            if key.spells("x-forwarded-server") { return .xForwardedServer }
            if key.spells("proxy-authenticate") { return .proxyAuthenticate }
        case 19: if key.spells("proxy-authorization") { return .proxyAuthorization }
        case 22: if key.spells("x-http-method-override") { return .xHTTPMethodOverride }
        case 28: if key.spells("access-control-allow-methods") { return .accessControlAllowMethods }
        case 29:
            if key.spells("access-control-request-method") { return .accessControlRequestMethod }
        default: break
        }
        return .other
    }
}

extension FieldName.Match {
    package static let other = FieldName.Match(name: .other, isVariant: false)
}

/// Up to 32 bytes as overlapping words, letters in lower case.
private struct NameKey: BitwiseCopyable {
    let count: Int
    /// Bytes 0–7 and the last 8; of a short name the first and the last 4 or 2.
    var first: UInt64
    var last: UInt64
    /// Bytes 8–15 and the 8 before the last 8, from 16 bytes on, else 0.
    var second: UInt64 = 0
    var third: UInt64 = 0

    /// Takes 2 to 32 bytes.
    @inline(__always) init(_ bytes: ByteView) {
        count = bytes.count
        let start = unsafe UnsafeRawPointer(bytes.base)
        // Each load lies within the view's count, by the branch that it stands in.
        if count >= 8 {
            first = unsafe start.loadUnaligned(as: UInt64.self) | Self.lower
            last =
                unsafe start.loadUnaligned(fromByteOffset: count - 8, as: UInt64.self)
                | Self.lower
            if count >= 16 {
                second =
                    unsafe start.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
                    | Self.lower
                third =
                    unsafe start.loadUnaligned(fromByteOffset: count - 16, as: UInt64.self)
                    | Self.lower
            }
        } else if count >= 4 {
            first = UInt64(unsafe start.loadUnaligned(as: UInt32.self)) | Self.lower
            last =
                UInt64(unsafe start.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self))
                | Self.lower
        } else {
            first = UInt64(unsafe start.loadUnaligned(as: UInt16.self)) | Self.lower
            last =
                UInt64(unsafe start.loadUnaligned(fromByteOffset: count - 2, as: UInt16.self))
                | Self.lower
        }
    }

    /// Whether it is `name`, which is in lower case and `count` bytes long.
    @inline(__always) func spells(_ name: StaticString) -> Bool {
        let other = NameKey(ByteView(name))
        guard first == other.first && last == other.last else { return false }
        return count < 16 || (second == other.second && third == other.third)
    }

    /// Whether the name begins with `x-forwarded`; `bytes` are its own.
    @inline(__always) func beginsForwarded(_ bytes: ByteView) -> Bool {
        guard bytes.count >= 11, first == 0x7261_7772_6f66_2d78 else { return false }
        return bytes.slice(8, 3).equalsIgnoringCase(ByteView("ded"))
    }

    /// With the bit of lower case set, `_` is 0x7f, which no other byte of a token becomes.
    @inline(__always) var hasUnderscore: Bool {
        Self.underscores(first) | Self.underscores(last) | Self.underscores(second)
            | Self.underscores(third) != 0
    }

    mutating func replaceUnderscores() {
        // 0x7f and 0x2d differ by 0x52: the mask has bit 0 of each byte to change.
        first ^= (Self.underscores(first) >> 7) &* 0x52
        last ^= (Self.underscores(last) >> 7) &* 0x52
        second ^= (Self.underscores(second) >> 7) &* 0x52
        third ^= (Self.underscores(third) >> 7) &* 0x52
    }

    /// The high bit of each byte that is 0x7f, exactly.
    @inline(__always) private static func underscores(_ word: UInt64) -> UInt64 {
        let difference = word ^ 0x7f7f_7f7f_7f7f_7f7f
        let low = (difference & 0x7f7f_7f7f_7f7f_7f7f) &+ 0x7f7f_7f7f_7f7f_7f7f
        return ~(low | difference) & 0x8080_8080_8080_8080
    }

    private static var lower: UInt64 { 0x2020_2020_2020_2020 }
}
