// The overrides that a head shows: in fields, and in a query. The storage is a worker's own and is
// used for every head.

package import HTTPSyntax

extension JudgeScratch {
    /// Reads the value of a field that overrides the method; nil for an empty one.
    package func override(inField value: ByteView) -> OverrideValue? { field.settle(value) }

    /// The next override in a query, without its `?`, from `offset` on; nil where there is none.
    /// `offset` is 0 in the first call, and moves behind what was read.
    package func override(inQuery query: ByteView, from offset: inout Int) -> OverrideValue? {
        if offset == 0 { form.begin() }
        if offset < query.count, let found = form.next(in: query, from: &offset) { return found }
        guard offset == query.count else { return nil }
        offset += 1
        return form.finish()
    }

    /// How many readings the path judged last has.
    package var readingCount: Int { readings.count }

    /// `override(inQuery:)` for what follows the first `?` in a reading of the path judged last: a
    /// query, for a backend that decodes the path before it cuts there (`PathStep.cutQuery`).
    package func override(
        inReading index: Int, from offset: inout Int
    ) -> OverrideValue? {
        readings.withReading(index) { path in
            guard let mark = path.firstIndex(of: 0x3f) else { return nil }
            return override(inQuery: path.dropFirst(mark + 1), from: &offset)
        }
    }
}
