// The orders in which rules list their methods, each once however many rules share it, with the
// text of Allow that goes with it.

internal import HTTPSyntax

/// What one distinct list of methods comes to.
struct AllowRecord: BitwiseCopyable {
    var methods: MethodSet
    /// The numbers of the methods in the order of Allow.
    var order: TextRange
    var text = TextRange()
    var json = TextRange()
}

/// Compiles lists of methods.
struct AllowBook {
    private(set) var records: [AllowRecord] = []
    private var known: [[UInt8]: Int32] = [:]
    private let catalog: MethodCatalog

    init(_ catalog: MethodCatalog) { self.catalog = catalog }

    /// The record for a list whose methods all have numbers.
    mutating func record(
        of list: [MethodID], anyIndex: Int?, headFollowsGet: Bool, text: inout PolicyText
    ) -> Int32 {
        let key = list.map(\.rawValue) + [UInt8(min(anyIndex ?? 254, 254)), headFollowsGet ? 1 : 0]
        if let index = known[key] { return index }
        let order = order(of: list, anyIndex: anyIndex, headFollowsGet: headFollowsGet)
        var methods = anyIndex == nil ? MethodSet.none : MethodSet.any
        for method in order { methods.insert(method) }
        let names = order.map(catalog.name)
        records.append(
            AllowRecord(
                methods: methods, order: text.add(order.map(\.rawValue)),
                text: text.add(names.joined(separator: ", ").utf8),
                json: text.add("[\(names.map { "\"\($0)\"" }.joined(separator: ","))]".utf8)))
        let index = Int32(records.count - 1)
        known[key] = index
        return index
    }

    private func order(
        of list: [MethodID], anyIndex: Int?, headFollowsGet: Bool
    ) -> [MethodID] {
        var order: [MethodID] = []
        func append(_ method: MethodID) {
            if !order.contains(method) { order.append(method) }
            // A HEAD that the list itself holds keeps its place.
            let isImplied = headFollowsGet && method == .get && !list.contains(.head)
            if isImplied, !order.contains(.head) { order.append(.head) }
        }
        for index in 0...list.count {
            if index == anyIndex { for method in catalog.any { append(method) } }
            if index < list.count { append(list[index]) }
        }
        return order
    }
}

extension MethodCatalog {
    func name(_ method: MethodID) -> String {
        method.isRegistered
            ? ByteView(MethodID.registry[Int(method.rawValue)]).text
            : custom[Int(method.rawValue - MethodID.firstCustom)].name
    }

    /// Every method with a number, in the order of the numbers.
    var all: [MethodID] {
        (0..<MethodID.registry.count).map { MethodID(rawValue: UInt8($0)) }
            + custom.indices.map { MethodID(rawValue: MethodID.firstCustom + UInt8($0)) }
    }

    /// What `any` lists.
    var any: [MethodID] { all.filter { $0 != .trace && $0 != .connect } }
}
