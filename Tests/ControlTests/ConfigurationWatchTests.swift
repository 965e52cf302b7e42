import Control
import Foundation
import Testing

@Suite struct ConfigurationWatchTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "watch-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func expect(_ watch: inout ConfigurationWatch, _ changed: Bool) {
        let seen = watch.hasChanged()
        #expect(seen == changed)
    }

    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test func `a replaced file is reported once, when it has been still for one look`() throws {
        try inFolder { folder in
            try write("a", folder + "/m.yaml")
            var watch = ConfigurationWatch([folder + "/m.yaml"])
            expect(&watch, false)
            try write("b", folder + "/m.yaml")
            expect(&watch, false)
            expect(&watch, true)
            expect(&watch, false)
        }
    }

    @Test func `a file that is still being written is waited for`() throws {
        try inFolder { folder in
            try write("a", folder + "/m.yaml")
            var watch = ConfigurationWatch([folder + "/m.yaml"])
            for text in ["b", "bc", "bcd"] {
                try write(text, folder + "/m.yaml")
                expect(&watch, false)
            }
            expect(&watch, true)
        }
    }

    @Test func `a link above the file that is swapped is a change`() throws {
        try inFolder { folder in
            for version in ["v1", "v2"] {
                try FileManager.default.createDirectory(
                    atPath: folder + "/" + version, withIntermediateDirectories: true)
                try write("same", "\(folder)/\(version)/m.yaml")
            }
            let data = folder + "/..data"
            try FileManager.default.createSymbolicLink(
                atPath: data, withDestinationPath: "v1")
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/m.yaml", withDestinationPath: "..data/m.yaml")
            var watch = ConfigurationWatch([folder + "/m.yaml"])
            try FileManager.default.createSymbolicLink(
                atPath: folder + "/..next", withDestinationPath: "v2")
            #expect(rename(folder + "/..next", data) == 0)
            expect(&watch, false)
            expect(&watch, true)
        }
    }

    @Test func `a file that joins a folder of includes is a change`() throws {
        try inFolder { folder in
            try write("a", folder + "/m.yaml")
            var watch = ConfigurationWatch([folder + "/m.yaml"])
            try write("b", folder + "/new.yaml")
            expect(&watch, false)
            expect(&watch, true)
        }
    }

    @Test func `a certificate that is replaced is a change, and another file beside it is none`()
        throws
    {
        try inFolder { folder in
            try inFolder { other in
                try write("a", folder + "/m.yaml")
                try write("old", other + "/tls.crt")
                var watch = ConfigurationWatch(
                    [folder + "/m.yaml"], naming: [other + "/tls.crt"])
                try write("x", other + "/unrelated")
                expect(&watch, false)
                expect(&watch, false)
                try write("new", other + "/tls.crt")
                expect(&watch, false)
                expect(&watch, true)
            }
        }
    }
}
