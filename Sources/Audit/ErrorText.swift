import Glibc

// The words for an errno, for messages to operators.

/// What the system calls an errno: `Permission denied`.
func errorText(_ code: Int32) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
