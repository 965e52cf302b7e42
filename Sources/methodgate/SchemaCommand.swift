import ArgumentParser
import Configuration

// `methodgate schema`: what editors check a configuration against.

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print the JSON Schema of the configuration, for editors.",
        discussion: """
            With a comment in the file's first line an editor checks as you type:

              # yaml-language-server: $schema=methodgate.schema.json
            """)

    func run() { Terminal.out(Schema.json() + "\n") }
}
