import Testing

@testable import HTTPSyntax

struct PathReadingsTests {
    static func readings(_ path: String, _ level: ReadingLevel) -> (texts: [String], PathProblem) {
        let readings = PathReadings()
        let problem = path.withView { path in
            readings.begin(path)
            return readings.close(over: path, level: level, transitions: .empty)
        }
        return ((0..<readings.count).map { readings.withReading($0) { $0.text } }, problem)
    }

    static func apply(_ step: PathStep, _ path: [UInt8]) -> [UInt8] {
        var output = path
        let length = path.withView { input in
            output.withMutableView { step.apply(to: input, into: $0) }
        }
        return Array(output[0..<length])
    }

    static let steps: [(PathStep, String, String)] = [
        (.decodeUnreserved, "/%61%2d%2F%c3", "/a-%2F%C3"),
        (.decodeKeepingSlash, "/%20%2f%3b", "/ %2F;"),
        (.decode, "/%20%2f%2561", "/ /%61"), (.unescapeSlashes, "/%2f%5c%20", "///%20"),
        (.backslashToSlash, "/a\\b", "/a/b"), (.dropParameters, "/a;b=c/d;e/..;/f", "/a/d/../f"),
        (.decodePlus, "/a+b%2B", "/a b%2B"),
        (.foldWidth, "/\u{ff0f}\u{ff5e}\u{ff41}\u{ff20}", "//~a@"),
        (.foldWidth, "/\u{ff5f}\u{ff00}", "/\u{ff5f}\u{ff00}"),
        (.dropStreams, "/a::$DATA/b:c:$D/d:e/:$/f$:", "/a/b/d:e//f$:"),
        (.dropSessions, "/(S(a))/b/(F(c)X(d))/(e)/(S(f)/(S()", "/b/(e)/(S(f)/(S()"),
        (.dropSessions, "/a/(S(b))c/d(S(e))/f", "/ac/d(S(e))/f"),
        (.dropSessions, "/(S(a))b/(S())", "/b"),
        (.dropSessions, "/a/(S(b))/(c/(S(d))e)/", "/a/(ce)/"),
        (.cutParameters, "/a/b;c/d;e", "/a/b"), (.cutParameters, "/;a", "/"),
        (.dropSessions, "/(S(a))", "/"), (.dropSessions, "/(S())/", "/"),
        (.dropLineBreaks, "/a\tb\r\n/c d", "/ab/c d"),
        (.foldCase, "/AbC%C3%A9", "/abc%C3%A9"), (.foldCase, "/\u{212a}\u{17f}", "/ks"),
        (.trimDots, "/a./b../.../../c.", "/a/b./../../c"), (.trimLastDot, "/a./b.", "/a./b"),
        (.trimDots, "/a/./..", "/a/./.."), (.trimSpaces, "/a /b \n", "/a/b "),
        (.trimLastSpace, "/a /b ", "/a /b"), (.trimSpaces, "/a\u{1f}/b\u{1}", "/a/b"),
        (.trimSpaces, "/a\u{a0}/b\u{85}/c\u{3000}/d\u{feff}", "/a/b/c/d"),
        (.trimFirstSpaces, "/ a /\u{2028}b/\u{a0}", "/a /b/"), (.cutQuery, "/a?b/c", "/a"),
        (.cutFragment, "/a#b", "/a"),
        (.mergeSlashes, "//a///b//", "/a/b/"), (.resolveDots, "/a/./b/../c", "/a/c"),
        (.resolveDots, "/..", "/"), (.resolveDots, "/a/..", "/"), (.resolveDots, "/a/b/..", "/a/"),
        (.resolveDots, "/a//../b", "/a/b"), (.resolveDots, "/../../a/.", "/a/"),
        (.resolveDots, "/", "/"),
    ]

    @Test(arguments: steps)
    func `a step does one thing`(_ step: PathStep, _ path: String, _ result: String) {
        #expect(String(decoding: Self.apply(step, Array(path.utf8)), as: UTF8.self) == result)
    }

    @Test func `overlong sequences of every length are decoded`() {
        let checked: [[UInt8]] = [
            [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xf0, 0x80, 0x80, 0xaf],
            [0xf8, 0x80, 0x80, 0x80, 0xaf], [0xfc, 0x80, 0x80, 0x80, 0x80, 0xaf],
        ]
        let loose: [[UInt8]] = [[0xc0, 0x2f], [0xe0, 0x40, 0xaf], [0xf0, 0x80, 0x40, 0x2f]]
        for sequence in checked + loose {
            #expect(Self.apply(.decodeOverlongLoosely, [0x2f] + sequence) == [0x2f, 0x2f])
        }
        for sequence in checked {
            #expect(Self.apply(.decodeOverlong, [0x2f] + sequence) == [0x2f, 0x2f])
        }
        let others: [[UInt8]] = [[0xc3, 0xa9], [0xc0], [0xe0, 0x80], [0xe0, 0x82, 0xaf], [0xff]]
        for sequence in others + loose {
            #expect(Self.apply(.decodeOverlong, [0x2f] + sequence) == [0x2f] + sequence)
        }
    }

    static let levels: [(String, ReadingLevel, [String])] = [
        ("/%61%2fb", .exact, ["/a%2Fb"]), ("/a//b", .exact, ["/a//b"]),
        ("/a//b", .standard, ["/a//b", "/a/b"]), ("/a%2f%20", .standard, ["/a%2F%20", "/a%2F "]),
        ("/%2561", .standard, ["/%2561", "/%61"]), ("/a/../b", .standard, ["/a/../b", "/b"]),
        ("/A", .standard, ["/A"]), ("/A", .all, ["/A", "/a"]),
        ("/a;b", .all, ["/a;b", "/a"]),
        ("/a;b/c", .all, ["/a;b/c", "/a/c", "/a"]),
        ("/%61", .all, ["/a", "/%61"]), ("/a", .all, ["/a"]),
        ("/a%3fb", .all, ["/a%3Fb", "/a?b", "/a"]), ("/a%2Fb", .all, ["/a%2Fb", "/a/b"]),
    ]

    @Test(arguments: levels)
    func `a level has its readings, the raw one first`(
        _ path: String, _ level: ReadingLevel, _ expected: [String]
    ) {
        let (texts, problem) = Self.readings(path, level)
        #expect(problem == .none)
        #expect(texts.first == expected.first)
        #expect(Set(texts) == Set(expected))
    }

    static let pieces = [
        "a", "B", ".", "..", "...", "/", "//", "%2F", "%2f", "%5C", ";", ";x", "%3B", "%20", "%0a",
        "%61",
        "%41", "%2561", "%252F", "%25", "%3F", "%23", "%c0%ae", "%c0%af", "%C1%81", "%c3%a9",
        "%e2%84%aa", "+", "%a0", "%e2%80%a8", "::$d", "%ef%bc%8f", "%f8%80%80%80%af", "x", "%1f",
        "(S(x))", "/(S(y)F(z))",
    ]

    @Test func `whatever steps a backend takes, its path is among the readings`() {
        var state: UInt64 = 1
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        var closed = 0
        for _ in 0..<1500 {
            let path =
                "/"
                + (0..<1 + random(5)).map { _ in Self.pieces[random(Self.pieces.count)] }.joined()
            guard path.withView(PathScan.problem(in:)) == .none else { continue }
            for level in [ReadingLevel.standard, .all] {
                let (texts, problem) = Self.readings(path, level)
                guard problem == .none else { continue }
                closed += 1
                let known = Set(texts.map { Array($0.utf8) })
                // Invalid UTF-8 is compared elsewhere: text is lossy.
                guard !texts.contains(where: { $0.contains("\u{fffd}") }) else { continue }
                let steps = PathStep.steps(at: level)
                for _ in 0..<30 {
                    var reading = Array((texts.first ?? "").utf8)
                    var decodings = 0
                    for _ in 0..<random(7) {
                        let step = steps[random(steps.count)]
                        if step.isDecoding { decodings += 1 }
                        if level == .standard, step.isDecoding, decodings > 1 { continue }
                        reading = Self.apply(step, reading)
                    }
                    #expect(
                        known.contains(reading),
                        "\(path) \(level) \(String(decoding: reading, as: UTF8.self))")
                }
            }
        }
        #expect(closed > 1000)
    }

    @Test func `a step whose marks a path lacks leaves it as it is`() {
        let bytes =
            Array("aZ.~9 \t;?#\\%2fF5cC41/+:$".utf8)
            + [
                0, 0x1f, 0xc0, 0xe2, 0x84, 0xaa, 0xc5, 0xbf, 0xc2, 0xa0, 0x85, 0xef, 0xbc, 0x8f,
                0xf8,
            ]
        var numbers = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            let count = Int.random(in: 0...8, using: &numbers)
            let path = [0x2f] + (0..<count).map { _ in bytes.randomElement(using: &numbers) ?? 0 }
            let marks = path.withView { PathMarks(of: $0) }
            for step in PathStep.allCases where !step.mayChange(marks) {
                #expect(Self.apply(step, path) == path, "\(step): \(path)")
            }
        }
    }

    @Test(arguments: [1000, 4096, 8192])
    func `no path takes more than bounded work`(_ length: Int) {
        let more = ["/../", "%2e", "/a./", "/a%20/", "/%2e/", "%2541", "%e0%80%af", "%253B"]
        let pieces = Self.pieces + more
        var numbers = SystemRandomNumberGenerator()
        func some(_ counts: ClosedRange<Int>) -> String {
            let count = Int.random(in: counts, using: &numbers)
            return (0..<count).compactMap { _ in pieces.randomElement(using: &numbers) }.joined()
        }
        let readings = PathReadings()
        for _ in 0..<25 {
            let (front, filling, back) = ("/" + some(0...6), some(1...2), some(0...3))
            let times = max(0, length - front.utf8.count - back.utf8.count) / filling.utf8.count
            let path = front + String(repeating: filling, count: times) + back
            path.withView { view in
                readings.begin(view)
                _ = readings.close(over: view, level: .all, transitions: .empty)
            }
            // Found to be too much by the time the next step is tried: behind the last one there
            // may be a host to drop in two ways, and the next reading's marks.
            #expect(readings.work <= PathReadings.maximumWork + 4 * path.utf8.count, "\(path)")
        }
    }

    static let honest = [
        ("/proxy/https%3A%2F%2Fa.example%2F", "%20some%2FPath", 2048),
        ("/redirect/", "https%3A%2F%2Fa.example%2F%3Fq%3D%2520x%23f", 2048),
        ("/Files/", "My%20Documents/Some%20File.pdf/", 8000),
        ("/image/", "aGVsbG8gd29ybGQ%2Bx", 8000), ("/wiki/", "%D1%80%D0%B8", 8000),
        ("/a;session=A/", "segment;v=1/", 8000), ("/q/", "%7B%22a%22%3A%22B%22%7D", 8000),
    ]

    @Test(arguments: honest)
    func `a long path of an honest client is followed`(
        _ front: String, _ filling: String, _ length: Int
    ) {
        var path = front
        while path.utf8.count + filling.utf8.count <= length { path += filling }
        #expect(Self.readings(path, .all).1 == .none)
    }

    @Test func `no step lengthens a path or takes its first slash`() {
        for one in Self.pieces {
            for other in Self.pieces {
                let path = Array("/\(one)\(other)/\(one)".utf8)
                for step in PathStep.allCases {
                    let result = Self.apply(step, path)
                    #expect(result.count <= path.count && result.first == 0x2f)
                    let marks = path.withView { PathMarks(of: $0) }
                    #expect(step.mayChange(marks) || result == path, "\(step) \(one)\(other)")
                }
            }
        }
    }

    @Test func `the scan sees every byte at every place`() {
        let special: [(UInt8, PathTraits)] = [
            (0, .refused), (0x20, .refused), (0x7f, .refused), (0x80, .refused), (0xff, .refused),
            (0x5c, .refused), (0x25, .percent), (0x41, .upperCase), (0x5a, .upperCase),
            (0x3b, .semicolon), (0x2b, .semicolon), (0x24, .percent),
        ]
        for length in 2..<40 {
            let plain = [UInt8](repeating: 0x61, count: length)
            #expect(([0x2f] + plain).withView(PathScan.traits(of:)) == [])
            for place in 1..<length {
                for (byte, trait) in special {
                    var path = plain
                    path[0] = 0x2f
                    path[place] = byte
                    #expect(
                        path.withView(PathScan.traits(of:)).contains(trait), "\(byte) at \(place)")
                }
                var path = plain
                path[0] = 0x2f
                path[place] = 0x2e
                let dots = path.withView(PathScan.traits(of:))
                #expect(dots.contains(.dotsOrEmpty) == (place == length - 1))
                path[place] = 0x2f
                path[place - 1] = 0x2e
                if place > 1 { #expect(path.withView(PathScan.traits(of:)) == .dotsOrEmpty) }
                path[place - 1] = 0x2f
                #expect(path.withView(PathScan.traits(of:)) == .dotsOrEmpty)
            }
        }
        for byte in 0x21...0x7e
        where ![0x24, 0x25, 0x28, 0x2b, 0x2e, 0x2f, 0x3b, 0x5c].contains(byte) {
            let traits = [0x2f, UInt8(byte), 0x61].withView(PathScan.traits(of:))
            #expect(traits == ((0x41...0x5a).contains(byte) ? .upperCase : []), "\(byte)")
        }
        #expect(Array("/a/(b".utf8).withView(PathScan.traits(of:)) == .dotsOrEmpty)
        #expect(Array("/a(b)c/d".utf8).withView(PathScan.traits(of:)) == [])
    }
}
