// How single values are read that are more than a number or a word of a list.

import HTTPSyntax
import Policy

/// One entry of `listen` while it is read.
struct ListenDraft {
    var address: Address?
    var proxyProtocol = false
    var allowsHTTP2 = false
    var tls: ListenTLS?
}

/// `admin` while it is read.
struct AdminDraft: Sendable {
    var address: Address?
}

/// One entry of `backends` while it is read.
struct BackendDraft {
    var url: BackendURL?
    var readings: ReadingLevel?
    /// Whether that is HTTP/2; nil where its URL says so.
    var isHTTP2: Bool?
    var tls: Node?
}

/// One entry of `hosts` while it is read.
struct HostDraft {
    var rules: Node?
    var defaults: Node?
}

extension Kind<Address> {
    static var listenAddress: Self {
        Kind(.text(example: AddressSyntax.listenAccepted)) {
            (scalar: Scalar) throws(Complaint) -> Address in
            try AddressSyntax.listen(scalar.text)
        }
    }
}

extension Kind<Address> {
    /// Where the operator's questions are answered: no port is picked, since nobody would know it.
    static var adminAddress: Self {
        let accepted = "ADDRESS:PORT, [IPV6]:PORT or unix:/PATH"
        return Kind(.text(example: accepted)) { (scalar: Scalar) throws(Complaint) -> Address in
            let address = try AddressSyntax.listen(scalar.text)
            if case .systemd = address {
                throw Complaint("\(scalar.quoted) is for listeners only", accepted: accepted)
            }
            return address
        }
    }
}

extension Kind<ControlSocket> {
    static var controlSocket: Self {
        let accepted = "auto, off or an absolute path"
        return Kind(.text(example: accepted)) {
            (scalar: Scalar) throws(Complaint) -> ControlSocket in
            switch scalar.text {
            case "auto": return .automatic
            case "off": return .off
            default: break
            }
            let text = scalar.text.hasPrefix("unix:") ? scalar.text : "unix:" + scalar.text
            guard scalar.text.hasPrefix("/") || scalar.text.hasPrefix("unix:"),
                case .unix(let path) = try AddressSyntax.unix(text)
            else {
                throw Complaint(
                    "\(scalar.quoted) is not accepted", accepted: accepted,
                    suggestion: Suggestion.nearest(to: scalar.text, among: ["auto", "off"]))
            }
            return .at(path: path)
        }
    }
}

extension Kind<BackendURL> {
    static var backendURL: Self {
        Kind(.text(example: AddressSyntax.backendAccepted)) {
            (scalar: Scalar) throws(Complaint) -> BackendURL in
            try BackendURL(scalar.text)
        }
    }
}

extension Kind<Bool> {
    /// What a backend is spoken to in: whether that is HTTP/2.
    static var backendProtocol: Self {
        Kind(.words(["http1", "h2"])) { (scalar: Scalar) throws(Complaint) -> Bool in
            switch scalar.text {
            case "http1": return false
            case "h2": return true
            default:
                let isHTTP2 = scalar.text.contains("2")
                throw Complaint(
                    "\(scalar.quoted) is not accepted", suggestion: isHTTP2 ? "h2" : "http1")
            }
        }
    }
}

extension Kind<LogTarget.OnFull> {
    /// What the block log may do with a request, the access log may not.
    static var accessOnFull: Self {
        Kind(.words(["drop"])) { (scalar: Scalar) throws(Complaint) -> LogTarget.OnFull in
            switch scalar.text {
            case "drop": return .drop
            case "block", "refuse":
                throw Complaint(
                    "\(scalar.quoted) is for the block log: what has passed cannot wait")
            default: throw Complaint("\(scalar.quoted) is not accepted")
            }
        }
    }
}

extension Kind<Located> {
    static func located(_ example: String) -> Self {
        let shape = Shape.text(example: example)
        return Kind(shape) { (node: Node, decoder: Decoder) -> Located? in
            decoder.scalar(node, shape).map {
                Located(text: $0.text, location: decoder.location(node))
            }
        }
    }

    /// What stands in logs and response fields: printable ASCII without blanks or quotes.
    static var identifier: Self {
        let shape = Shape.text(
            example: "up to 128 letters, digits and . _ - / :",
            pattern: "^[A-Za-z0-9._/:-]{1,128}$")
        return Kind(shape) { (node: Node, decoder: Decoder) -> Located? in
            guard let scalar = decoder.text(node, shape) else { return nil }
            let isValid = scalar.text.utf8.allSatisfy {
                ASCII.isLetter($0) || ASCII.isDigit($0) || "._-/:".utf8.contains($0)
            }
            guard isValid, (1...128).contains(scalar.text.utf8.count) else {
                decoder.report(node, Complaint("\(scalar.quoted) is not an id"), shape)
                return nil
            }
            return Located(text: scalar.text, location: decoder.location(node))
        }
    }
}

extension Kind<Int> {
    /// The name of a backend, as its number.
    static var backendName: Self {
        let shape = Shape.text(example: "the name of a backend")
        return Kind(shape) { (node: Node, decoder: Decoder) -> Int? in
            guard let scalar = decoder.scalar(node, shape) else { return nil }
            if let number = decoder.backendNumbers[scalar.text] { return number }
            let names = decoder.backendNumbers.sorted { $0.value < $1.value }.map(\.key)
            decoder.report(
                node,
                Complaint(
                    "\(scalar.quoted) is not a backend",
                    accepted: names.isEmpty ? nil : names.joined(separator: ", "),
                    suggestion: Suggestion.nearest(to: scalar.text, among: names)), shape)
            return nil
        }
    }
}

extension Kind<MethodList> {
    static var methods: Self {
        Kind(.methods) { (node: Node, decoder: Decoder) -> MethodList? in
            decoder.methodList(node)
        }
    }
}

extension Decoder {
    /// A list of methods, those that are wrong reported and left out; nil where it is no list.
    func methodList(_ node: Node) -> MethodList? {
        var list = MethodList(at: location(node))
        if node.hasText("any") {
            list.appendAny()
            return list
        }
        guard node.kind == .sequence else {
            refuseAsMethods(node)
            return nil
        }
        for item in node.items {
            if item.hasText("any") {
                list.appendAny()
            } else if let method = method(item) {
                list.append(method, at: location(item))
            }
        }
        return list
    }

    private func refuseAsMethods(_ node: Node) {
        var complaint = Complaint("is \(node.kindText)")
        if node.isNull {
            complaint = Complaint(
                "has no value", accepted: Shape.methods.accepted + ", or [] to block every method")
        } else if node.kind == .scalar {
            complaint = Complaint("\(Printable.quoted(node.text)) is not a list")
            let names = node.text.split { $0 == "," || $0 == " " }.map(String.init)
            if !names.isEmpty, names.allSatisfy({ Method($0) != nil && Int($0) == nil }) {
                complaint.suggestion =
                    names.count == 1 && node.text.lowercased() == "any"
                    ? "any" : "[" + names.joined(separator: ", ") + "]"
            }
        }
        report(node, complaint, .methods)
    }

    /// A scalar that is text to every reader of YAML.
    func text(_ node: Node, _ shape: Shape) -> Scalar? {
        guard let scalar = scalar(node, shape) else { return nil }
        guard let complaint = scalar.complaintAsText else { return scalar }
        report(node, complaint, shape)
        return nil
    }

    /// One method of a list.
    func method(_ node: Node) -> Method? {
        let shape = Shape.text(example: "a method name such as GET")
        guard let scalar = text(node, shape) else { return nil }
        if scalar.text.utf8.count == 3, scalar.text != "any", scalar.text.lowercased() == "any" {
            report(node, Complaint("\(scalar.quoted) is not a method", suggestion: "any"), shape)
            return nil
        }
        if let method = Method(scalar.text) { return method }
        report(node, Complaint("\(scalar.quoted) is not a method"), shape)
        return nil
    }
}
