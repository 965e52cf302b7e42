// Every mistake has its file in Broken/ and, beside it, word for word what the operator reads.
// METHODGATE_RECORD=1 writes the second from what the loader says now; read the difference.

import Foundation
import Testing

@testable import Configuration

struct BrokenTests {
    static let folder = Repository.path("Tests/ConfigurationTests/Broken") + "/"

    static let cases: [String] = {
        let names = try? FileManager.default.contentsOfDirectory(atPath: folder)
        return (names ?? []).filter { $0.hasSuffix(".yaml") }.sorted()
    }()

    @Test(arguments: cases)
    func `a broken configuration is refused with the exact message`(_ name: String) throws {
        let result = ConfigurationLoader.load(path: Self.folder + name)
        let said = result.rendered().replacingOccurrences(of: Self.folder, with: "")
        let file = Self.folder + name.replacingOccurrences(of: ".yaml", with: ".expected")
        if ProcessInfo.processInfo.environment["METHODGATE_RECORD"] != nil {
            try said.write(toFile: file, atomically: true, encoding: .utf8)
        }
        #expect(try said == String(contentsOfFile: file, encoding: .utf8))
        #expect(result.settings == nil)
        #expect(result.errorCount > 0)
    }

    /// Wherever a checkout or an installation lies.
    @Test func `the path of a file is told as a whole`() throws {
        let folder = try TemporaryFolder()
        let deep = folder.path + "/" + Array(repeating: "folder", count: 20).joined(separator: "/")
        try FileManager.default.createDirectory(
            atPath: deep, withIntermediateDirectories: true)
        let name = "161-template-is-not-there.yaml"
        try FileManager.default.copyItem(atPath: Self.folder + name, toPath: deep + "/" + name)
        let said = ConfigurationLoader.load(path: deep + "/" + name).rendered()
        #expect(said.contains("'\(deep)/templates/nowhere.html' cannot be opened"))
    }

    @Test func `there are at least 60 broken configurations`() {
        #expect(Self.cases.count >= 60)
    }
}
