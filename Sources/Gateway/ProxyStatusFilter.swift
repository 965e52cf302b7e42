import HTTP1
import HTTPSyntax
import Transport

// "Who answered 405?" is answered by Proxy-Status and Methodgate-Event, so that only the gate may
// write them in its own name. A backend's Methodgate-Event never passes; of its Proxy-Status
// (RFC 9209, which any proxy behind the gate may write) every member passes that does not call
// itself methodgate.

extension Ref<Worker> {
    /// Replaces the Proxy-Status of the answer in `response` by what of it may pass.
    func filterProxyStatus(_ head: ByteView, _ options: inout HeadWriter.ResponseOptions) {
        options.insert(.dropsProxyStatus)
        for index in 0..<value.response.fields.count {
            let line = value.response.fields[index]
            guard line.name == .proxyStatus, !line.isVariant else { continue }
            let text = head.slice(Int(line.valueOffset), Int(line.valueLength))
            var members = ProxyStatusMembers(text)
            while let member = members.next() {
                guard !member.isOurs else { continue }
                value.extra.append("Proxy-Status: ")
                value.extra.append(member.text)
                value.extra.append("\r\n")
            }
        }
    }
}

/// The members of a list of items with parameters (RFC 8941 §3.1), as far as it takes to tell one
/// from the next: a comma in a quoted string separates nothing. Ends where the text is no list.
struct ProxyStatusMembers {
    struct Member {
        let text: ByteView

        /// Whether the item itself, a token or a string, is the gate's name; letter case does not
        /// make it another one to a reader in a hurry.
        var isOurs: Bool {
            var name = text
            if name[0] == UInt8(ascii: "\"") { name = name.dropFirst(1) }
            let own = ByteView("methodgate")
            guard name.count >= own.count, name.slice(0, own.count).equalsIgnoringCase(own) else {
                return false
            }
            guard name.count > own.count else { return true }
            switch name[own.count] {
            case UInt8(ascii: ";"), UInt8(ascii: "\""), 0x20, 0x09: return true
            default: return false
            }
        }
    }

    private var rest: ByteView

    init(_ text: ByteView) { rest = text }

    /// The next member, without white space around it.
    mutating func next() -> Member? {
        while !rest.isEmpty {
            guard let end = Self.end(of: rest) else { break }
            let member = rest.slice(0, end).trimmed
            rest = rest.dropFirst(Swift.min(end + 1, rest.count))
            if !member.isEmpty { return Member(text: member) }
        }
        rest = .empty
        return nil
    }

    /// Where the member ends that `text` begins with; nil where a string in it has no end.
    private static func end(of text: ByteView) -> Int? {
        var isQuoted = false
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where isQuoted: index += 1
            case UInt8(ascii: ",") where !isQuoted: return index
            default: break
            }
            index += 1
        }
        return isQuoted ? nil : text.count
    }
}
