package enum Schema {
    package static func json() -> String { "" }
}
