import Configuration

// The text of config/demo.yaml, so that the demo runs wherever the program is. A test compares both.

/// What `methodgate demo` runs on where no file is named and none is installed.
enum DemoConfiguration {
    /// What messages call it.
    static let name = "the built-in demo.yaml"

    /// What that file holds.
    static let text = """
        # The configuration of `make run`: the gate on port 8080 in front of the echo service that
        # `methodgate demo` serves on port 8081.
        listen:
          - address: 127.0.0.1:8080
        backends:
          echo: http://127.0.0.1:8081
        defaults:
          methods: [GET, HEAD]
        rules:
          # Allowed: curl -X POST http://127.0.0.1:8080/api/items
          # Blocked: curl -X DELETE http://127.0.0.1:8080/api/items
          # A preflight for POST is forwarded and one for DELETE is not, although OPTIONS is not listed.
          /api/items: [GET, POST]
          /api/items/{id}: [GET, PUT, PATCH, DELETE]
          # Shadow: curl -X POST http://127.0.0.1:8080/reports/2024 passes, and the log says would-block.
          /reports/{name...}:
            methods: [GET]
            id: reports
            mode: shadow
          # Nothing at all: curl http://127.0.0.1:8080/internal/metrics
          /internal/*: []

        """

    /// Those of this machine, and the text under its name.
    static var surroundings: Surroundings {
        let machine = Surroundings.machine
        var surroundings = machine
        surroundings.read = { (path, demands) throws(FileError) -> [UInt8] in
            path == name ? Array(text.utf8) : try machine.read(path, demands)
        }
        return surroundings
    }
}
