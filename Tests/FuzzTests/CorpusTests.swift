// What the fuzzers have kept, replayed without them: each file once was new to a parser or broke
// one.

import Foundation
import FuzzTargets
import Testing

@Suite struct CorpusTests {
    static let folder = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fuzz")
    static let names = FuzzTarget.all.map(\.name)

    static func files(of target: String) throws -> [URL] {
        try FileManager.default.contentsOfDirectory(
            at: folder.appendingPathComponent("Corpus/\(target)"), includingPropertiesForKeys: nil)
    }

    @Test(arguments: names)
    func `no kept input breaks its target`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = try Self.files(of: name)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            do throws(Finding) {
                try target.run(bytes)
            } catch {
                Issue.record("\(file.path): \(error)")
            }
        }
    }

    @Test func `every target has a dictionary, and nothing else has`() throws {
        let kept = try FileManager.default.contentsOfDirectory(
            atPath: Self.folder.appendingPathComponent("Dictionaries").path)
        #expect(Set(kept) == Set(Self.names.map { $0 + ".dict" }))
        let folders = try FileManager.default.contentsOfDirectory(
            atPath: Self.folder.appendingPathComponent("Corpus").path)
        #expect(Set(folders) == Set(Self.names))
    }
}
