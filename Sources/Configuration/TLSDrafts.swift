import HTTPSyntax
import TLS

// TLS while it is read: paths with the places where they were written, and lists of names.

/// A path and where it was written.
struct LocatedPath {
    /// Empty where that is no path, which has been reported.
    var path: String
    var node: Node

    static let accepted = "the path of a file, or ${CREDENTIALS_DIRECTORY}/NAME"
}

/// `client_auth` and where it was written.
struct LocatedClients {
    /// Nil where that is none, which has been reported.
    var value: ClientCertificates?
    var node: Node
}

/// A certificate of a listener while it is read.
struct CertificateDraft {
    var certificate: LocatedPath?
    var key: LocatedPath?
    var staple: LocatedPath?
    /// Empty where something of them is wrong, which has been reported.
    var names: [LocatedName]?
    var clientAuth: LocatedClients?
    var clientCA: LocatedPath?
    var hasUnknownKeys = false
}

/// `tls` of a listener while it is read.
struct ListenTLSDraft {
    var main = CertificateDraft()
    var more: [CertificateDraft] = []
    var options = TLSOptionsDraft()
    var offersHTTP2 = true
    var forwardsSubject = false

    /// What is asked of clients beside a certificate; nil where that cannot be known.
    func clients(of item: CertificateDraft) -> ClientCertificates? {
        guard !item.hasUnknownKeys, !main.hasUnknownKeys else { return nil }
        guard let written = item.clientAuth ?? main.clientAuth else {
            return ClientCertificates.none
        }
        return written.value
    }

    /// Whether a further certificate asks clients for theirs, and has no authorities of its own.
    var lendsAuthorities: Bool {
        more.contains { $0.clientCA == nil && clients(of: $0) != ClientCertificates.none }
    }
}

/// Versions, suites and curves while they are read.
struct TLSOptionsDraft {
    var value = TLSOptions()
    /// Something of it is wrong, and reported.
    var isWrong = false
}

/// `tls` of a backend while it is read.
struct BackendTLSDraft {
    var authorities: LocatedPath?
    var verifies = true
    var name: String?
    var certificate: LocatedPath?
    var key: LocatedPath?
    var options = TLSOptionsDraft()
}

/// Names that stand in a list, or in one text with colons between them, as OpenSSL writes them.
enum TLSList {
    case ciphers
    case curves

    var shape: Shape {
        let text = Shape.text(example: self == .ciphers ? "names of cipher suites" : "curves")
        return .either([.list(text, atLeast: 1), text])
    }
}

extension Decoder {
    /// The path of a file.
    func path(_ node: Node) -> LocatedPath {
        let shape = Shape.text(example: LocatedPath.accepted)
        // Before anything else of it is told.
        if node.kind == .scalar, let complaint = Self.complaint(pasted: node.text) {
            report(node, complaint, shape)
            return LocatedPath(path: "", node: node)
        }
        let text = scalar(node, shape)?.text
        if text?.isEmpty == true { report(node, Complaint("is empty"), shape) }
        return LocatedPath(path: text ?? "", node: node)
    }

    private static func complaint(pasted text: String) -> Complaint? {
        if let what = PastedContent.words(text) {
            return Complaint("is \(what), and not the path of a file")
        }
        // PATH_MAX of limits.h, which counts the NUL.
        return text.utf8.count < 4096
            ? nil : Complaint("is longer than the path of any file (4095 bytes)")
    }

    func ciphers(_ node: Node) -> [String]? {
        names(node, .ciphers) { name, place in
            let single = "names of single suites such as ECDHE-RSA-AES128-GCM-SHA256"
            let quoted = Printable.quoted(name)
            switch TLSNames.cipher(name) {
            case .known(let known, let concern):
                if let concern { warn(place, Complaint("\(quoted) \(concern)")) }
                return known
            case .several:
                report(
                    place,
                    Complaint(
                        "\(quoted) is a keyword or rule of OpenSSL's lists, which stands for "
                            + "several cipher suites, and for others in other versions",
                        accepted: single))
            case .unusable(let obstacle):
                report(place, Complaint("\(quoted) \(obstacle)", accepted: single))
            case .unknown:
                report(
                    place,
                    Complaint(
                        "\(quoted) is no cipher suite that OpenSSL knows", accepted: single,
                        suggestion: Suggestion.nearest(
                            to: name, among: TLSOptions.standardCiphers)))
            }
            return nil
        }
    }

    func curves(_ node: Node) -> [String]? {
        var known: [String] = []
        return names(node, .curves) { name, place in
            guard TLSNames.isCurve(name) else {
                report(
                    place,
                    Complaint(
                        "\(Printable.quoted(name)) is no curve that OpenSSL knows",
                        accepted: "names such as X25519, P-256",
                        suggestion: Suggestion.nearest(to: name, among: TLSOptions.standardCurves)))
                return nil
            }
            // OpenSSL takes each once, and has several names for some.
            if let same = known.first(where: { TLSNames.isSameCurve($0, name) }) {
                let what = same == name ? "stands" : "is \(same), which stands"
                report(
                    place,
                    Complaint(
                        "\(Printable.quoted(name)) \(what) there already",
                        accepted: "each curve once"))
                return nil
            }
            known.append(name)
            return name
        }
    }

    /// Nil where any is wrong.
    private func names(
        _ node: Node, _ list: TLSList, _ read: (String, Node) -> String?
    ) -> [String]? {
        let items = node.kind == .sequence ? Array(node.items) : [node]
        var found: [String] = []
        var isWrong = node.kind == .sequence && node.count == 0
        if isWrong { report(node, Complaint("is empty"), list.shape) }
        for item in items {
            guard let scalar = scalar(item, list.shape) else {
                isWrong = true
                continue
            }
            for part in scalar.text.split(separator: ":", omittingEmptySubsequences: false) {
                if let name = read(String(part), item) {
                    found.append(name)
                } else {
                    isWrong = true
                }
            }
        }
        return isWrong ? nil : found
    }
}

extension Complaint {
    init(_ problem: TLSProblem) { self.init(problem.message, accepted: problem.accepted) }
}
