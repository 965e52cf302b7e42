// Which rule a path finds: its host's rules first, then the common ones, then the defaults.

internal import HTTPSyntax

extension CompiledPolicy {
    /// The scope of a Host value: exact, then the longest wildcard, then the common one, 0.
    func scope(of host: ByteView) -> Int {
        guard hasHosts else { return 0 }
        return HostName.withNormalized(host) { Int(search($0)) } ?? 0
    }

    private func search(_ name: ByteView) -> Int32 {
        let exact = table.child(of: HostName.exactKey, name)
        if exact >= 0 { return exact }
        var start = 0
        while let dot = name.firstIndex(of: 0x2e, from: start) {
            start = dot + 1
            // `*` stands for at least one character.
            guard dot > 0 else { continue }
            let wildcard = table.child(of: HostName.wildcardKey, name.dropFirst(start))
            if wildcard >= 0 { return wildcard }
        }
        return 0
    }

    /// The rule for a path with the patterns as they are written.
    func rawRule(_ path: ByteView, scope: Int) -> Int32 {
        let entry = rawEntry(path, scope: scope)
        if entry >= 0 { return table.rule(of: entry) }
        if scope != 0 {
            let common = rawEntry(path, scope: 0)
            if common >= 0 { return table.rule(of: common) }
        }
        return scopes[scope].defaultRule
    }

    private func rawEntry(_ path: ByteView, scope: Int) -> Int32 {
        let record = scopes[scope]
        let stable = table.match(path, root: record.root)
        guard record.hasViews else { return stable }
        let other = table.match(path, root: viewRoots[scope &* viewCount])
        // Of two that match, the changeable one has a literal where the other has a parameter, or
        // that would be changeable too; as they are comparable, it is the more specific one.
        return other >= 0 ? other : stable
    }

    /// The rules for a path with the patterns as a view has them: the most specific one, or all
    /// that are where the view made patterns coincide or cross.
    func forEachRule(
        _ path: ByteView, scope: Int, view: Int, _ scratch: JudgeScratch, _ body: (Int32) -> Void
    ) {
        find(path, scope: scope, view: view, scratch)
        if scratch.found.isEmpty && scope != 0 { find(path, scope: 0, view: view, scratch) }
        for entry in scratch.found where isMinimal(entry, among: scratch.found) {
            body(table.rule(of: entry))
        }
        guard scratch.found.isEmpty else { return }
        body(scopes[scope].defaultRule)
    }

    private func find(_ path: ByteView, scope: Int, view: Int, _ scratch: JudgeScratch) {
        scratch.found.removeAll(keepingCapacity: true)
        let record = scopes[scope]
        let stable = table.match(path, root: record.root)
        if stable >= 0 { scratch.found.append(stable) }
        if record.hasViews {
            let root = viewRoots[scope * viewCount + view]
            table.matches(path, root: root, into: &scratch.found)
        }
    }

    private func isMinimal(_ index: Int32, among found: [Int32]) -> Bool {
        let entry = table.entry(index)
        return !found.contains {
            let other = table.entry($0)
            return other.isWithin(entry) && !entry.isWithin(other)
        }
    }
}
