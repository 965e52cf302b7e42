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
        guard !path.path.isEmpty else { return nil }
        let place = resolve(path.path)
        let result = known[place] ?? load(place)
        known[place] = result
        switch result {
        case .success(let bytes): return bytes
        case .failure(let error):
            decoder.report(path.node, complaint(path.path, place, error))
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
        return (Self.ownFolder ?? Self.usualFolder) + "/" + path.dropFirst(start.count)
    }

    /// The folder of this process's credentials; nil: no service manager has passed any.
    private static var ownFolder: String? {
        guard let folder = unsafe getenv(variable), unsafe folder.pointee != 0 else { return nil }
        return unsafe String(cString: folder)
    }

    /// That a file cannot be read, with what its path may have been meant to be.
    private func complaint(_ path: String, _ place: String, _ error: FileError) -> Complaint {
        var complaint = Complaint("\(Printable.quoted(path: place)) \(error.message)")
        let start = "${\(Self.variable)}/"
        if let other = ["$\(Self.variable)/", "%d/"].first(where: path.hasPrefix) {
            complaint.accepted = LocatedPath.accepted
            complaint.suggestion = start + path.dropFirst(other.count)
        } else if path.hasPrefix("$"), !path.hasPrefix(start) {
            complaint.accepted = LocatedPath.accepted
        } else if place.hasPrefix("/run/credentials/") {
            let isOwn = Self.ownFolder.map { place.hasPrefix($0 + "/") } ?? false
            complaint.message +=
                isOwn
                ? ": has the unit a LoadCredential= of that name?"
                : ": credentials of a unit are there while it runs, for itself and root alone"
        }
        return complaint
    }

    /// What a file holds, or a report.
    private func read<Content>(
        _ path: LocatedPath, _ decoder: Decoder,
        _ parse: ([UInt8]) throws(TLSProblem) -> Content
    ) -> Content? {
        guard let bytes = read(path, decoder) else { return nil }
        do throws(TLSProblem) { return try parse(bytes) } catch {
            decoder.report(path.node, complaint(path, error))
            return nil
        }
    }

    /// The authorities of a file, or of the system.
    func trust(_ path: LocatedPath?, at node: Node, _ decoder: Decoder) -> TrustStore? {
        if let path {
            let store = read(path, decoder, TrustStore.init(pem:))
            warn(store?.concerns(now: time(nil)) ?? [], at: path.node, decoder)
            return store
        }
        do throws(TLSProblem) { return try systemTrust() } catch {
            decoder.report(node, Complaint(error))
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

    /// A certificate with its key, and the OCSP response to staple; each file is read, whatever is
    /// wrong with another.
    ///
    /// - Parameters:
    ///   - certificate: nil: it is missing, and that reported.
    ///   - isForBackend: a backend is shown it, and no client.
    /// - Returns: the certificates where they can be read, and all of it where that is good.
    func identity(
        _ certificate: LocatedPath?, key: LocatedPath?, staple: LocatedPath?,
        isForBackend: Bool = false, _ decoder: Decoder
    ) -> (certificates: CertificateChain?, identity: TLSIdentity?) {
        let chain = certificate.flatMap { read($0, decoder, CertificateChain.init(pem:)) }
        // Without a path of its own the key is in the file that was just read, or was to be.
        let keyPath = key ?? (chain == nil ? nil : certificate)
        let secret = keyPath.flatMap { path in
            read(path, decoder) { bytes throws(TLSProblem) in
                guard key != nil || PrivateKey.begins(in: bytes) else {
                    throw TLSProblem(
                        "holds no private key beside the certificate, and no other file is named",
                        accepted: "key, with the path of its private key")
                }
                return try PrivateKey(pem: bytes)
            }
        }
        let response = staple.flatMap { read($0, decoder, Self.response) }
        guard let certificate, let keyPath, let chain, let secret,
            staple == nil || response != nil
        else { return (chain, nil) }
        do throws(TLSProblem) {
            let identity = try TLSIdentity(chain, key: secret, staple: response)
            warn(of: identity, at: certificate.node, isForBackend, decoder)
            return (chain, check(identity, staple, decoder) ? identity : nil)
        } catch {
            decoder.report(keyPath.node, complaint(keyPath, error))
            return (chain, nil)
        }
    }

    /// The bytes of an OCSP response, whatever it is about.
    private static func response(_ bytes: [UInt8]) throws(TLSProblem) -> [UInt8] {
        if let problem = OCSPStaple.problem(with: bytes) { throw problem }
        return bytes
    }

    private func warn(
        of identity: TLSIdentity, at node: Node, _ isForBackend: Bool, _ decoder: Decoder
    ) {
        let readers: TLSIdentity.Readers =
            isForBackend ? .backend : .clients(try? systemTrust())
        warn(identity.concerns(now: time(nil), readers: readers), at: node, decoder)
    }

    private func warn(_ concerns: [TLSIdentity.Concern], at node: Node, _ decoder: Decoder) {
        for concern in concerns {
            decoder.warn(node, Complaint(concern.text), isFinding: concern.isCertain)
        }
    }

    /// Whether the OCSP response is one for its certificate. One that is not good, or not now, is
    /// warned of: the certificate does without it.
    private func check(_ identity: TLSIdentity, _ path: LocatedPath?, _ decoder: Decoder) -> Bool {
        guard let path, let staple = identity.staple else { return true }
        if let problem = staple.problem {
            decoder.report(path.node, complaint(path, problem))
            return false
        }
        if let concern = staple.concern(now: time(nil)) {
            decoder.warn(path.node, complaint(path, TLSProblem(concern)))
        }
        return true
    }

    private func complaint(_ path: LocatedPath, _ problem: TLSProblem) -> Complaint {
        Complaint(
            "\(Printable.quoted(path: resolve(path.path))) \(problem.message)",
            accepted: problem.accepted)
    }
}
