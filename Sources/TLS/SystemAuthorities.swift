internal import COpenSSL
internal import Glibc

// The authorities of the system are read by OpenSSL, a file at once and a folder as certificates ask
// for it. What was accepted by them must not outlive a change of them.

package enum SystemAuthorities {
    /// Differs where file or folder have been replaced or changed (stat(2)).
    static var stamp: [UInt8] { Array(([file] + folders).map(stamp).joined()) }

    /// The file and the folders that they are looked for in: those of `SSL_CERT_FILE` and
    /// `SSL_CERT_DIR`, else OpenSSL's own.
    package static var places: [String] { [file] + folders }

    private static var file: String {
        unsafe path(X509_get_default_cert_file_env(), X509_get_default_cert_file())
    }

    private static var folders: [String] {
        let list = unsafe path(X509_get_default_cert_dir_env(), X509_get_default_cert_dir())
        return list.split(separator: ":").map(String.init)
    }

    /// Whether a folder has a file that OpenSSL would look at (openssl-rehash(1)): `5ed36f99.0`.
    static var isAnyInFolders: Bool {
        folders.contains { folder in
            guard let list = unsafe opendir(folder) else { return false }
            defer { unsafe closedir(list) }
            while let entry = unsafe readdir(list) {
                // An entry is only as long as its name, which a zero ends (readdir(3)).
                let start = unsafe UnsafeRawPointer(entry) + nameOffset
                let name = unsafe Array(UnsafeRawBufferPointer(start: start, count: strlen(start)))
                if isHashed(name) { return true }
            }
            return false
        }
    }

    private static let nameOffset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0

    private static func isHashed(_ name: [UInt8]) -> Bool {
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        return name.count > 9 && name[8] == 0x2E && name[9...].allSatisfy(isDigit)
            && name[..<8].allSatisfy { isDigit($0) || (0x61...0x66).contains($0) }
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
