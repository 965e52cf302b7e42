// Overrides in content as it streams, whatever its type.

package import HTTPSyntax

/// Looks for overrides in the content of one request. Its size is constant: about 700 bytes for
/// multipart content, 300 for any other.
package struct ContentScanner: ~Copyable {
    private var form: FormScanner?
    private var multipart: MultipartScanner?
    private var json: JSONScanner?
    /// The first scanner is through with the piece, and the second at work on it.
    private var isSecond = false

    /// For content that can be inspected: without an obstacle.
    package init(_ reading: ContentReading) {
        precondition(reading.obstacle == nil, "content that cannot be inspected")
        form = reading.isForm ? FormScanner() : nil
        multipart = reading.isMultipart ? MultipartScanner(boundary: reading.boundary) : nil
        json = reading.isJSON ? JSONScanner() : nil
    }

    /// The next override that ends in a piece of content; `nil` where there is no further one.
    /// `offset` is 0 in the first call for a piece, and meaningless afterwards.
    package mutating func next(in bytes: ByteView, from offset: inout Int) -> OverrideValue? {
        if !isSecond {
            if let found = form?.next(in: bytes, from: &offset) { return found }
            if let found = multipart?.next(in: bytes, from: &offset) { return found }
            offset = 0
            isSecond = true
        }
        if let found = json?.next(in: bytes, from: &offset) { return found }
        isSecond = false
        return nil
    }

    /// The content has ended: an override that ends with it.
    package mutating func finish() -> OverrideValue? {
        if let found = form?.finish() { return found }
        return multipart?.finish()
    }
}
