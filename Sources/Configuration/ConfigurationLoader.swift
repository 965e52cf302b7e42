// From a path to `Settings`, or to everything that is wrong. Nothing is opened but files, and
// nothing takes effect: whoever asked decides what to do with the result.

import Digest
import HTTPSyntax
import Policy

/// What a load came to.
package struct LoadResult: Sendable {
    /// Nil where there is an error.
    package let settings: Settings?
    /// Errors and warnings, in the order of the files and of the lines in them.
    package let diagnostics: [Diagnostic]

    /// As `check` tells it: what is certainly wrong is an error, also where it loads.
    package var asChecked: LoadResult {
        let told = diagnostics.map { diagnostic in
            var told = diagnostic
            if diagnostic.isFinding { told.severity = .error }
            return told
        }
        return LoadResult(settings: settings, diagnostics: told)
    }

    package var errorCount: Int { diagnostics.count { $0.severity == .error } }

    /// Nothing is wrong but what may be gone at the next load: a name server that is away.
    package var mayLoadLater: Bool {
        let errors = diagnostics.lazy.filter { $0.severity == .error }
        return settings == nil && errors.allSatisfy(\.isTransient)
    }

    /// All diagnostics as text, each ended by a newline; past the first `limit` only their number.
    package func rendered(color: Bool = false, limit: Int = 100) -> String {
        var text = ""
        for diagnostic in diagnostics.prefix(limit) {
            text += diagnostic.rendered(color: color) + "\n"
        }
        if diagnostics.count > limit { text += "and \(diagnostics.count - limit) more\n" }
        return text
    }
}

/// Loads configurations: for `run`, `check`, `explain` and each reload.
package enum ConfigurationLoader {
    /// Loads a main file and what it includes. Reads files and asks the resolver for the names
    /// of backends; may block on both.
    package static func load(path: String, in surroundings: Surroundings = .machine) -> LoadResult {
        var load = Load(mainPath: path, surroundings)
        return load.run()
    }
}

/// One load from beginning to end.
private struct Load {
    let mainPath: String
    let surroundings: Surroundings
    let decoder: Decoder
    var plan = Plan()
    /// The loaded files' paths, as they were opened.
    var paths: [String] = []
    /// Whether some file could not be read to its end, so that rules may be missing.
    var isIncomplete = false

    init(mainPath: String, _ surroundings: Surroundings) {
        self.mainPath = mainPath
        self.surroundings = surroundings
        decoder = Decoder(folder: FilePath.folder(mainPath), surroundings)
    }

    mutating func run() -> LoadResult {
        guard let root = read(mainPath, name: FilePath.last(mainPath), includedBy: nil) else {
            return result(nil)
        }
        Keys.root.decode(root, into: &plan, decoder)
        decoder.checkProxyListeners(plan)
        for include in plan.includes { readIncludes(include.pattern, include.node) }
        return result(compile())
    }

    // MARK: Files

    /// The root of a file; nil where there is nothing to decode. `name` is for references.
    private mutating func read(_ path: String, name: String, includedBy node: Node?) -> Node? {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try surroundings.read(path, FileDemands())
        } catch {
            isIncomplete = true
            reportUnreadable(path, error.message, node)
            return nil
        }
        let source = SourceFile(path: path, bytes: bytes)
        let reading = YAMLReader.read(source, file: paths.count)
        paths.append(path)
        plan.policy.files.append(name)
        decoder.documents.append(reading.document)
        reading.faults.forEach(decoder.add)
        guard reading.isComplete else {
            isIncomplete = true
            return nil
        }
        guard let root = reading.document.root, node == nil || !root.isNull else {
            reportEmpty(source, isMain: node == nil)
            return nil
        }
        return root
    }

    private func reportUnreadable(_ path: String, _ message: String, _ node: Node?) {
        guard let node else {
            decoder.add(Diagnostic(place: SourcePlace(file: path), key: "", message: message))
            return
        }
        decoder.report(node, Complaint("\(Printable.quoted(path: path)) \(message)"))
    }

    /// An included file may be empty: somebody may want to fill it later.
    private func reportEmpty(_ source: SourceFile, isMain: Bool) {
        decoder.add(
            Diagnostic(
                severity: isMain ? .error : .warning, place: SourcePlace(file: source.path),
                key: "", message: "holds no configuration",
                accepted: isMain ? "listen, backends, defaults" : "rules, hosts"))
    }

    private mutating func readIncludes(_ pattern: String, _ node: Node) {
        let folder = pattern.hasPrefix("/") ? "" : FilePath.folder(mainPath)
        let isPattern = pattern.contains { "*?[".contains($0) }
        var found = [folder + pattern]
        if isPattern {
            do throws(FileError) {
                found = try surroundings.expand(FilePath.globEscaped(folder) + pattern)
            } catch {
                isIncomplete = true
                decoder.report(node, Complaint(error.message))
            }
        }
        for path in found where !paths.dropFirst().contains(path) {
            if path == mainPath {
                decoder.report(node, Complaint("the file includes itself"))
                continue
            }
            let name = String(path.dropFirst(folder.count))
            guard let root = read(path, name: name, includedBy: node) else { continue }
            Keys.included.decode(root, into: &plan, decoder)
        }
    }

    // MARK: Policy

    private func compile() -> CompiledPolicy? {
        var source = plan.policy
        source.isComplete = !isIncomplete
        // Stand-ins, so that the rules are checked although defaults or backends are wrong.
        if source.backendReadings.isEmpty { source.backendReadings = [nil] }
        let common = source.scopes.firstIndex { $0.host == nil }
        let here = SourceLocation(file: 0, line: 1, column: 1)
        if common == nil { source.scopes.append(ScopeSource(host: nil, at: here)) }
        let index = common ?? source.scopes.count - 1
        var defaults = source.scopes[index].defaults ?? DefaultsSource(methods: nil, at: here)
        defaults.methods = defaults.methods ?? MethodList(at: here)
        defaults.options.backend = defaults.options.backend ?? 0
        source.scopes[index].defaults = defaults
        let (policy, problems) = CompiledPolicy.compile(source)
        var keys = KeyFinder(decoder.documents)
        for problem in problems { report(problem, &keys) }
        return policy
    }

    private func report(_ problem: PolicyProblem, _ keys: inout KeyFinder) {
        var diagnostic = Diagnostic(
            place: decoder.place(problem.location), key: keys.path(at: problem.location),
            message: problem.message, accepted: problem.accepted, suggestion: problem.suggestion)
        diagnostic.severity = problem.severity == .error ? .error : .warning
        diagnostic.related = problem.related.map {
            .init(place: decoder.place($0), message: keys.path(at: $0) + " stands here")
        }
        decoder.add(diagnostic)
    }

    // MARK: The end

    private func result(_ policy: CompiledPolicy?) -> LoadResult {
        let diagnostics = sorted(decoder.diagnostics)
        let hasError = diagnostics.contains { $0.severity == .error }
        guard let policy, !hasError else {
            return LoadResult(settings: nil, diagnostics: diagnostics)
        }
        let settings = Settings(
            plan: plan, policy: policy, policyDigest: digest(), files: paths,
            namedFiles: decoder.credentials.paths + decoder.templates.paths,
            templates: decoder.templates.book, warnings: diagnostics)
        return LoadResult(settings: settings, diagnostics: diagnostics)
    }

    /// In load order of the files, templates last, then by line and column.
    private func sorted(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var order: [String: Int] = [:]
        for (index, path) in (paths + decoder.templates.paths).enumerated() { order[path] = index }
        return diagnostics.enumerated().sorted { left, right in
            let a = (order[left.element.file] ?? 0, left.element.line, left.element.column)
            let b = (order[right.element.file] ?? 0, right.element.line, right.element.column)
            return a == b ? left.offset < right.offset : a < b
        }.map(\.element)
    }

    private func digest() -> Digest256 {
        let hash = SHA256()
        for document in decoder.documents { document.source.bytes.withView(hash.update) }
        return hash.finish()
    }
}

/// Which key stands at a place: what a policy knows only by its place gets its name back.
private struct KeyFinder {
    private let documents: [Document]
    private var indices: [Int: [UInt64: Int32]] = [:]

    init(_ documents: [Document]) { self.documents = documents }

    /// The way to the innermost node that begins there; empty where none does.
    mutating func path(at location: SourceLocation) -> String {
        let document = documents[location.file]
        let index = indices[location.file] ?? Self.index(of: document)
        indices[location.file] = index
        let place = Self.place(Int32(clamping: location.line), Int32(clamping: location.column))
        return index[place].map { Node(document: document, index: $0).path } ?? ""
    }

    private static func index(of document: Document) -> [UInt64: Int32] {
        var index: [UInt64: Int32] = [:]
        index.reserveCapacity(document.entries.count)
        for (number, entry) in document.entries.enumerated() {
            index[place(entry.line, entry.column)] = Int32(number)
        }
        return index
    }

    private static func place(_ line: Int32, _ column: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: line)) << 32 | UInt64(UInt32(bitPattern: column))
    }
}

/// Paths as text.
enum FilePath {
    /// With its slash; empty where there is none.
    static func folder(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    static func last(_ path: String) -> String { String(path.dropFirst(folder(path).count)) }

    /// Made safe to stand in front of a pattern.
    static func globEscaped(_ path: String) -> String {
        var text = ""
        for character in path {
            if "*?[\\".contains(character) { text.append("\\") }
            text.append(character)
        }
        return text
    }
}
