// What the fuzzers run, what `make test` replays, and how either says what is wrong. A target is
// one file of this folder, and its line in `FuzzTarget.all`.

/// A property of some code of ours that any bytes must keep.
package struct FuzzTarget: Sendable {
    /// In lower case with hyphens; also of its dictionary and of its folder of the corpus.
    package let name: String
    /// Bytes beyond which an input brings nothing new.
    package let longest: Int
    private let check: @Sendable ([UInt8]) throws(Finding) -> Void

    init(
        _ name: String, longest: Int,
        _ check: @escaping @Sendable ([UInt8]) throws(Finding) -> Void
    ) {
        self.name = name
        self.longest = longest
        self.check = check
    }

    /// Every target.
    package static let all: [FuzzTarget] = [
        .requestHead, .responseHead, .content, .trailers, .forwardedRequest, .forwardedResponse,
        .path, .configuration, .proxyHeader, .override, .serverName, .clientHello, .http2Frames,
        .http2Answers, .certificate,
    ]

    /// Throws what the bytes show to be wrong; traps and sanitizers say the rest.
    package func run(_ bytes: [UInt8]) throws(Finding) { try check(bytes) }
}

/// A property that does not hold.
package struct Finding: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Goes on where the property holds.
func require(
    _ isTrue: Bool, _ message: @autoclosure () -> String
) throws(Finding) {
    if !isTrue { throw Finding(message()) }
}

/// Goes on where both are equal.
func require<Value: Equatable>(
    _ one: Value, equals other: Value, _ what: @autoclosure () -> String
) throws(Finding) {
    if one != other { throw Finding("\(what()): \(one) is not \(other)") }
}
