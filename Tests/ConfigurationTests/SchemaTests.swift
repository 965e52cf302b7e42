// The schema is JSON, refers to nothing that is not there, and knows the keys the decoder knows.

import Foundation
import Testing

@testable import Configuration

struct SchemaTests {
    private func schema() throws -> [String: Any] {
        let parsed = try JSONSerialization.jsonObject(with: Data(Schema.json().utf8))
        return try #require(parsed as? [String: Any])
    }

    @Test func `the schema is draft 2020-12 and closed`() throws {
        let schema = try schema()
        #expect(schema["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["additionalProperties"] as? Bool == false)
        #expect(schema["required"] as? [String] == ["listen", "backends", "defaults"])
    }

    @Test func `every reference has its definition`() throws {
        let text = Schema.json()
        let definitions = try #require(try schema()["$defs"] as? [String: Any])
        let references = text.components(separatedBy: "\"#/$defs/").dropFirst().map {
            $0.components(separatedBy: "\"")[0]
        }
        #expect(!references.isEmpty)
        for name in references { #expect(definitions[name] != nil, "\(name) is not defined") }
    }

    @Test func `the schema has the keys of the tables, less those that are refused`() throws {
        let definitions = try #require(try schema()["$defs"] as? [String: Any])
        for section in Schema.sections {
            let definition = try #require(definitions[section.name] as? [String: Any])
            let properties = try #require(definition["properties"] as? [String: Any])
            #expect(
                Set(properties.keys) == Set(section.keys.filter { !$0.isRefused }.map(\.name)))
        }
    }

    @Test func `defaults have the type that the key asks for`() throws {
        let definitions = try #require(try schema()["$defs"] as? [String: Any])
        let limits = try #require(definitions["limits"] as? [String: Any])
        let properties = try #require(limits["properties"] as? [String: [String: Any]])
        #expect(properties["fields"]?["default"] as? Int == 100)
        #expect(properties["target"]?["default"] as? String == "8KiB")
        let defaults = try #require(definitions["defaults"] as? [String: Any])
        let options = try #require(defaults["properties"] as? [String: [String: Any]])
        #expect(options["narrow_allow"]?["default"] as? Bool == true)
        #expect((options["blocked_status"]?["enum"] as? [Any])?.first as? Int == 405)
    }
}
