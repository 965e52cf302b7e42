// What every caller does with content: the end of a chunked one comes in two parts, and the second
// is nearly always empty.

package import HTTPSyntax

extension BodyReader {
    /// `process`, and the empty trailer section that nearly every chunked content ends with, so
    /// that it leaves in the same call as the last chunk.
    package mutating func take(_ bytes: MutableByteView, as form: Form) -> Progress {
        var progress = process(bytes, as: form)
        guard isAwaitingTrailers, progress.error == nil else { return progress }
        let rest = bytes.view.dropFirst(progress.consumed)
        guard rest.count >= 2, rest[0] == 13, rest[1] == 10 else { return progress }
        if form == .framed {
            bytes.write(ByteView("\r\n"), at: progress.kept)
            progress.kept += 2
        }
        progress.consumed += 2
        trailersDone()
        return progress
    }
}
