// libyaml's events into a document. The only place where libyaml is called; what strict YAML
// forbids (aliases, anchors, tags, directives, a second document) is seen here, because here it
// still can be seen.

import CYAML

/// Reads one file's bytes. Nothing of libyaml outlives `read`.
enum YAMLReader {
    /// What a configuration needs is 6 deep.
    static let deepest = 32

    struct Reading {
        let document: Document
        /// Everything wrong with it as YAML.
        let faults: [Diagnostic]
        /// False where reading ended early, so that what is missing says nothing.
        let isComplete: Bool
    }

    static func read(_ source: SourceFile, file: Int) -> Reading {
        var builder = DocumentBuilder(capacity: source.bytes.count)
        for fault in SourceScan.faults(in: source.bytes, from: source.markLength) {
            builder.report(fault)
        }
        if !builder.isHopeless { parse(source, into: &builder) }
        return builder.finish(source, file: file)
    }

    /// Calls yaml_parser_initialize, _set_input_string, _parse, _delete.
    private static func parse(_ source: SourceFile, into builder: inout DocumentBuilder) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { unsafe parser.deallocate() }
        guard unsafe yaml_parser_initialize(parser) == 1 else { fatalError("out of memory") }
        defer { unsafe yaml_parser_delete(parser) }
        let mark = source.markLength
        // The parser reads from the array's storage, which stays in place during the closure.
        unsafe source.bytes.withUnsafeBufferPointer { buffer in
            unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            unsafe yaml_parser_set_input_string(
                parser, buffer.baseAddress.map { unsafe $0 + mark }, buffer.count - mark)
            while unsafe step(parser, &builder) {}
        }
    }

    /// One event; false at the end.
    private static func step(
        _ parser: UnsafeMutablePointer<yaml_parser_t>, _ builder: inout DocumentBuilder
    ) -> Bool {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else {
            unsafe reportSyntax(parser.pointee, &builder)
            return false
        }
        defer { unsafe yaml_event_delete(&event) }
        return unsafe take(event, &builder)
    }

    private static func take(_ event: yaml_event_t, _ builder: inout DocumentBuilder) -> Bool {
        let mark = unsafe Mark(event.start_mark)
        switch unsafe event.type {
        case YAML_STREAM_END_EVENT: return false
        case YAML_DOCUMENT_START_EVENT:
            let hasDirective =
                unsafe event.data.document_start.version_directive != nil
                || event.data.document_start.tag_directives.start != nil
            return builder.startDocument(at: mark, hasDirective: hasDirective)
        case YAML_ALIAS_EVENT: builder.alias(at: mark)
        case YAML_SCALAR_EVENT:
            let scalar = unsafe event.data.scalar
            builder.check(anchor: unsafe scalar.anchor != nil, tag: unsafe scalar.tag != nil, mark)
            // value points to length bytes that live until the event is deleted.
            let text = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            unsafe builder.scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, mark)
        case YAML_SEQUENCE_START_EVENT:
            let start = unsafe event.data.sequence_start
            builder.check(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, mark)
            return builder.open(.sequence, mark)
        case YAML_MAPPING_START_EVENT:
            let start = unsafe event.data.mapping_start
            builder.check(anchor: unsafe start.anchor != nil, tag: unsafe start.tag != nil, mark)
            return builder.open(.mapping, mark)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: builder.close()
        default: break
        }
        return true
    }

    private static func reportSyntax(_ parser: yaml_parser_t, _ builder: inout DocumentBuilder) {
        // What the reader refuses, the scan of the source has reported, and better.
        if unsafe parser.error == YAML_READER_ERROR, builder.hasFaults {
            builder.giveUp()
            return
        }
        let problem = unsafe parser.problem.map { unsafe String(cString: $0) }
        let context = unsafe parser.context.map { unsafe String(cString: $0) }
        unsafe builder.syntaxError(
            problem ?? "it cannot be read", Mark(parser.problem_mark),
            context: context.map { ($0, unsafe Mark(parser.context_mark)) })
    }
}

/// A position as libyaml counts it, made to start at 1.
struct Mark: BitwiseCopyable {
    var line: Int32
    var column: Int32

    init(_ mark: yaml_mark_t) {
        line = Int32(clamping: mark.line + 1)
        column = Int32(clamping: mark.column + 1)
    }
}
