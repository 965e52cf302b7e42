import Glibc
import HTTPSyntax
import TLS

// Files with certificates and keys: each is read once a load, and what is wrong with it is said
// where its path stands.

/// Reads the files of one load.
final class CredentialLoader {
    /// In front of relative paths: the main file's folder.
    private let folder: String
    private let surroundings: Surroundings
    private var known: [String: Result<[UInt8], FileError>] = [:]
    /// The system's authorities, if they could be read at all; asked for once.
    private var system: Result<TrustStore, TLSProblem>?

    /// Bytes of a file at most; all authorities of a system are some 200 KiB.
    static let largest = 4 << 20
    /// What systemd sets for a service with `LoadCredential=` (systemd.exec(5)).
    static let variable = "CREDENTIALS_DIRECTORY"
    /// Where the folder is, for whoever is not that service.
    static let usualFolder = "/run/credentials/methodgate.service"

    /// The files that were read, or could not be.
    var paths: [String] { known.keys.sorted() }

    init(folder: String, _ surroundings: Surroundings) {
        self.folder = folder
        self.surroundings = surroundings
    }

    /// All bytes, or a report.
    func read(_ path: LocatedPath, _ decoder: Decoder) -> [UInt8]? {
        let place = resolve(path.path)
        let result = known[place] ?? load(place)
        known[place] = result
        switch result {
        case .success(let bytes): return bytes
        case .failure(let error):
            decoder.report(
                path.node, Complaint("\(Printable.quoted(path: place)) \(error.message)"))
            return nil
        }
    }

    private func load(_ place: String) -> Result<[UInt8], FileError> {
        do throws(FileError) {
            let demands = FileDemands(limit: Self.largest, isRegular: true)
            return .success(try surroundings.read(place, demands))
        } catch {
            return .failure(error)
        }
    }

    /// The path as it is opened. `${CREDENTIALS_DIRECTORY}` is the only variable there is.
    private func resolve(_ path: String) -> String {
        let start = "${\(Self.variable)}/"
        guard path.hasPrefix(start) else { return path.hasPrefix("/") ? path : folder + path }
        let set = unsafe getenv(Self.variable).map { unsafe String(cString: $0) }
        return (set ?? Self.usualFolder) + "/" + path.dropFirst(start.count)
    }

    /// The authorities of a file, or of the system.
    func trust(_ path: LocatedPath?, at node: Node, _ decoder: Decoder) -> TrustStore? {
        do throws(TLSProblem) {
            guard let path else { return try systemTrust() }
            guard let bytes = read(path, decoder) else { return nil }
            return try TrustStore(pem: bytes)
        } catch {
            decoder.report(path?.node ?? node, Complaint(words(path, error)))
            return nil
        }
    }

    func systemTrust() throws(TLSProblem) -> TrustStore {
        let result = system ?? Self.loadSystem()
        system = result
        return try result.get()
    }

    private static func loadSystem() -> Result<TrustStore, TLSProblem> {
        do throws(TLSProblem) { return .success(try TrustStore.ofSystem()) } catch {
            return .failure(error)
        }
    }

    /// A certificate with its key, and the OCSP response to staple.
    ///
    /// - Parameter isForBackend: a backend is shown it, and no client.
    func identity(
        _ certificate: LocatedPath, key: LocatedPath?, staple: LocatedPath?,
        isForBackend: Bool = false, _ decoder: Decoder
    ) -> TLSIdentity? {
        let keyPath = key ?? certificate
        guard let chain = read(certificate, decoder),
            let keyBytes = key.map({ read($0, decoder) }) ?? chain
        else { return nil }
        var response: [UInt8]?
        if let staple {
            guard let bytes = read(staple, decoder) else { return nil }
            response = bytes
        }
        do throws(TLSIdentityProblem) {
            let identity = try TLSIdentity(chain: chain, key: keyBytes, staple: response)
            let readers: TLSIdentity.Readers =
                isForBackend ? .backend : .clients(try? systemTrust())
            for concern in identity.concerns(now: time(nil), readers: readers) {
                decoder.warn(
                    certificate.node, Complaint(concern.text), isFinding: concern.isCertain)
            }
            return check(identity, staple, decoder) ? identity : nil
        } catch {
            switch error {
            case .certificate(let problem):
                decoder.report(certificate.node, Complaint(words(certificate, problem)))
            case .key(let problem):
                decoder.report(keyPath.node, Complaint(words(keyPath, problem)))
            }
            return nil
        }
    }

    /// Whether the OCSP response is one for its certificate. One that is not good, or not now, is
    /// warned of: the certificate does without it.
    private func check(_ identity: TLSIdentity, _ path: LocatedPath?, _ decoder: Decoder) -> Bool {
        guard let path, let staple = identity.staple else { return true }
        if let problem = staple.problem {
            decoder.report(path.node, Complaint(words(path, problem)))
            return false
        }
        if let concern = staple.concern(now: time(nil)) {
            decoder.warn(path.node, Complaint(words(path, TLSProblem(concern))))
        }
        return true
    }

    private func words(_ path: LocatedPath?, _ problem: TLSProblem) -> String {
        path.map { "\(Printable.quoted(path: resolve($0.path))) \(problem.message)" }
            ?? problem.message
    }
}
