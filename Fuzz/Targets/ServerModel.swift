import HTTPSyntax
import StrictHTTP

/// How one kind of server comes from the path of a request target to the segments that it routes
/// by.
struct ServerModel: Sendable {
    let name: String
    /// The least level of readings that promises to cover it.
    let level: ReadingLevel
    let read: @Sendable (Bytes) -> [Bytes]

    private init(
        _ name: String, _ level: ReadingLevel = .all, _ read: @escaping @Sendable (Bytes) -> Bytes
    ) {
        self.name = name
        self.level = level
        self.read = { ServerPaths.split(read(ServerPaths.upperEscapes($0))) }
    }

    /// Splits first and decodes each segment for itself, so that `%2F` is data.
    private init(
        segmentwise name: String, _ level: ReadingLevel = .all,
        _ read: @escaping @Sendable (Bytes) -> Bytes
    ) {
        self.name = name
        self.level = level
        self.read = {
            ServerPaths.split(read(ServerPaths.upperEscapes($0))).map { ServerPaths.decode($0) }
        }
    }

    private typealias P = ServerPaths

    static let all: [ServerModel] = [
        ServerModel("RFC 3986, letters only", .exact) { P.decode($0, P.isUnreserved) },
        ServerModel("as sent") { $0 },
        ServerModel("RFC 3986", .standard) {
            P.resolve(P.decode($0, P.isUnreserved))
        },
        ServerModel(segmentwise: "router that splits first") { $0 },
        ServerModel(segmentwise: "router that cleans and splits") { P.resolve(P.merge($0)) },
        ServerModel(segmentwise: "router behind a normalising proxy", .standard) {
            P.resolve(P.merge(P.decode($0, P.isUnreserved)))
        },
        ServerModel("nginx") { P.resolve(P.merge(P.decode($0))) },
        ServerModel("nginx, merge_slashes off") { P.resolve(P.decode($0)) },
        ServerModel("nginx in front of a decoding framework") {
            P.decode(P.resolve(P.merge(P.decode($0))))
        },
        ServerModel("Apache") {
            P.decode(P.resolve(P.merge(P.decode($0, P.isUnreserved))))
        },
        ServerModel("Python, unquote and normpath") { P.resolve(P.merge(P.decode($0))) },
        ServerModel("Django or Rails, newline before the end") { P.trimLastBlank(P.decode($0)) },
        ServerModel("Tomcat") {
            P.resolve(P.merge(P.backslashes(P.decode(P.parameters($0)))))
        },
        ServerModel("Jetty, parameters after decoding") {
            P.resolve(P.parameters(P.decode($0)))
        },
        ServerModel("Java, dots before parameters") {
            P.parameters(P.decode(P.resolve($0)))
        },
        ServerModel("Spring, parameters and double slashes") {
            P.merge(P.decode(P.parameters($0)))
        },
        ServerModel("Struts, the path ends at a semicolon") { P.decode(P.cut($0, at: 0x3b)) },
        ServerModel("Shiro, the same behind a decoder") {
            P.resolve(P.merge(P.cut(P.decode($0), at: 0x3b)))
        },
        ServerModel("Express") { P.fold($0) },
        ServerModel("router without case, after Unicode") { P.foldUnicode(P.decode($0)) },
        ServerModel("IIS") {
            P.fold(P.trimWindows(P.resolve(P.merge(P.backslashes(P.decode($0))))))
        },
        ServerModel("ASP.NET without cookies") {
            P.fold(P.trimWindows(P.sessions(P.resolve(P.merge(P.backslashes(P.decode($0)))))))
        },
        ServerModel("IIS, decoded twice") {
            P.fold(P.trimWindows(P.resolve(P.backslashes(P.decode(P.resolve(P.decode($0)))))))
        },
        ServerModel("twice decoded") { P.resolve(P.decode(P.decode($0))) },
        ServerModel("lenient UTF-8") { P.resolve(P.overlong(P.decode($0))) },
        ServerModel("lenient UTF-8, slashes of both kinds") {
            P.resolve(P.merge(P.backslashes(P.overlong(P.decode($0)))))
        },
        ServerModel("PHP, URL parsed after decoding") {
            P.cut(P.cut(P.decode($0), at: 0x23), at: 0x3f)
        },
        ServerModel("URL resolver") { P.resolve(P.authority($0)) },
        ServerModel("URL resolver behind a decoder") { P.authority(P.resolve(P.decode($0))) },
    ]

    /// Up to six deeds in any order, at most two of them decodings.
    static func chance(_ generator: inout SeededGenerator) -> ServerModel {
        let deeds: [@Sendable (Bytes) -> Bytes] = [
            P.merge, P.resolve, P.backslashes, P.parameters, P.fold, P.trimWindows,
            P.trimLastBlank, P.overlong, P.authority, P.sessions, { P.cut($0, at: 0x3f) },
            { P.cut($0, at: 0x23) }, { P.cut($0, at: 0x3b) },
        ]
        var chosen: [@Sendable (Bytes) -> Bytes] = []
        for _ in 0..<Int.random(in: 0...4, using: &generator) {
            chosen.append(deeds[Int.random(in: 0..<deeds.count, using: &generator)])
        }
        for _ in 0..<Int.random(in: 0...2, using: &generator) {
            let place = Int.random(in: 0...chosen.count, using: &generator)
            let keepsSlash = Bool.random(using: &generator)
            chosen.insert(
                { path in P.decode(path) { !keepsSlash || $0 != 0x2f } }, at: place)
        }
        let line = chosen
        return ServerModel("by chance") { line.reduce($0) { $1($0) } }
    }
}
