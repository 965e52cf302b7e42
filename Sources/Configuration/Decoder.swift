// What reading a tree needs besides the tables: a place to report to, and the questions every
// reader asks of a node.

import Policy

/// Collects what is wrong while nodes are read. Confined to the thread that loads.
final class Decoder {
    private(set) var diagnostics: [Diagnostic] = []
    let resolver: Resolver
    let templates: TemplateLoader
    let credentials: CredentialLoader
    /// Where each name stands in the list of backends.
    var backendNumbers: [String: Int] = [:]
    /// The documents read so far, by the number of their file.
    var documents: [Document] = []

    /// `folder`: in front of the relative paths of templates.
    init(folder: String, _ surroundings: Surroundings) {
        resolver = Resolver(asking: surroundings.resolve)
        templates = TemplateLoader(folder: folder, surroundings)
        credentials = CredentialLoader(folder: folder, surroundings)
    }

    func add(_ diagnostic: Diagnostic) { diagnostics.append(diagnostic) }

    /// Reports at a node; `shape` says what is accepted where the complaint does not.
    func report(
        _ node: Node, _ complaint: Complaint, _ shape: Shape? = nil,
        severity: Diagnostic.Severity = .error
    ) {
        guard node.kind != .broken else { return }
        var diagnostic = Diagnostic(
            severity: severity, place: node.place, key: node.path, message: complaint.message,
            accepted: complaint.accepted ?? shape?.accepted, suggestion: complaint.suggestion)
        diagnostic.isTransient = complaint.isTransient
        diagnostics.append(diagnostic)
    }

    /// Says what is allowed and looks unintended.
    ///
    /// - Parameter isFinding: it certainly is.
    func warn(_ node: Node, _ complaint: Complaint, isFinding: Bool = false) {
        let errors = diagnostics.count
        report(node, complaint)
        guard diagnostics.count > errors else { return }
        diagnostics[errors].severity = .warning
        diagnostics[errors].isFinding = isFinding
    }

    /// Reports a clash with what stands at `first`.
    func report(_ node: Node, _ complaint: Complaint, at first: Node) {
        report(node, complaint)
        related(location(first), "the first stands here")
    }

    /// Adds a place to what was reported last.
    func related(_ location: SourceLocation, _ message: String) {
        guard let last = diagnostics.indices.last else { return }
        diagnostics[last].related.append(.init(place: place(location), message: message))
    }

    func place(_ location: SourceLocation) -> SourcePlace {
        documents[location.file].source.place(line: location.line, column: location.column)
    }

    /// Corrects what was reported since `mark`: an outer reader knows that more is accepted.
    func amend(from mark: Int, accepted: String) {
        for index in mark..<diagnostics.count { diagnostics[index].accepted = accepted }
    }

    func reportMissing(_ key: KeyInfo, in node: Node) {
        let way = node.path
        diagnostics.append(
            Diagnostic(
                place: node.keyOrSelf.place, key: way.isEmpty ? key.name : way + "." + key.name,
                message: "is missing", accepted: key.shape.accepted))
    }

    func location(_ node: Node) -> SourceLocation {
        SourceLocation(file: node.document.file, line: node.line, column: node.column)
    }

    // MARK: Questions

    /// The node's scalar, or a report that it is none.
    func scalar(_ node: Node, _ shape: Shape) -> Scalar? {
        guard node.kind == .scalar, !node.isNull else {
            report(node, wrongKind(node), shape)
            return nil
        }
        guard !node.hasControls else {
            report(node, Complaint("holds a line end or another control character"), shape)
            return nil
        }
        return Scalar(text: node.text, isPlain: node.isPlain)
    }

    func isMapping(_ node: Node, _ shape: Shape) -> Bool { check(node, .mapping, shape) }

    func isSequence(_ node: Node, _ shape: Shape) -> Bool { check(node, .sequence, shape) }

    private func check(_ node: Node, _ kind: Node.Kind, _ shape: Shape) -> Bool {
        if node.kind == kind { return true }
        report(node, wrongKind(node), shape)
        return false
    }

    private func wrongKind(_ node: Node) -> Complaint {
        Complaint(node.isNull ? "has no value" : "is \(node.kindText)")
    }
}

extension Node {
    /// The key of a mapping's value, else the node itself.
    var keyOrSelf: Node { key ?? self }
}
