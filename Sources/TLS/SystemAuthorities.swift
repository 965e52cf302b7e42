internal import COpenSSL
internal import Glibc

// The authorities of the system are read by OpenSSL, a file at once and a folder as certificates ask
// for it. What was accepted by them must not outlive a change of them.

enum SystemAuthorities {
    /// Differs where file or folder have been replaced or changed (stat(2)); file and folder of
    /// `SSL_CERT_FILE` and `SSL_CERT_DIR`, else OpenSSL's own.
    static var stamp: [UInt8] {
        let file = unsafe path(X509_get_default_cert_file_env(), X509_get_default_cert_file())
        let folder = unsafe path(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())
        return Array(([file] + folder.split(separator: ":").map(String.init)).map(stamp).joined())
    }

    private static func path(
        _ variable: UnsafePointer<CChar>?, _ usual: UnsafePointer<CChar>?
    ) -> String {
        if let variable = unsafe variable, let named = unsafe getenv(variable) {
            return unsafe String(cString: named)
        }
        guard let usual = unsafe usual else { return "" }
        return unsafe String(cString: usual)
    }

    private static func stamp(_ path: String) -> [UInt8] {
        var found = stat()
        guard unsafe stat(path, &found) == 0 else { return [0] }
        let changed = "\(found.st_mtim.tv_sec).\(found.st_mtim.tv_nsec)"
        return Array("\(path) \(found.st_dev) \(found.st_ino) \(found.st_size) \(changed);".utf8)
    }
}
