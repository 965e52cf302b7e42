import TLS

// Which certificates answer for which name: for each name one of each kind of key, so that two
// lineages may stand side by side whose names differ while one is renewed before the other.

/// What is asked of clients.
struct ClientDemand {
    var clients = ClientCertificates.none
    /// Who signs client certificates.
    var trust: TrustStore?

    func isSame(as other: ClientDemand) -> Bool {
        guard clients == other.clients else { return false }
        guard clients != .none, let trust, let others = other.trust else { return true }
        return trust.isSame(as: others)
    }
}

/// A certificate of a listener that could be read.
struct ServerOffer {
    let certificates: CertificateChain
    /// Nil: its key or what belongs to it is wrong, and reported.
    let identity: TLSIdentity?
    /// In lower case.
    let names: [String]
    /// They are written beside it, and not its own.
    let hasWrittenNames: Bool
    /// What is asked of clients beside it, or for the listener; nil: that is wrong, and reported.
    let demand: ClientDemand?
    /// It says so itself.
    let hasDemand: Bool
    /// Nor is it the listener's own without a word about it.
    let writesDemand: Bool
    /// Where its path stands.
    let node: Node
    /// Where it says what it asks of clients, else where its path stands.
    let demandNode: Node
}

/// Who answers for each name.
struct NameAssignment {
    /// Certificates by their numbers, of one kind of key each, and the one whose demand holds: the
    /// first of all where none of them says any.
    struct Seat: Hashable {
        var members: [Int]
        var demand: Int
    }

    /// For whoever asks for no name of a certificate.
    private(set) var standard = Seat(members: [0], demand: 0)
    private(set) var names: [String] = []
    private(set) var seats: [String: Seat] = [:]
    let offers: [ServerOffer]
    let decoder: Decoder

    /// Reports what is in the way of others, and what is of no use. The first of `offers` is the
    /// listener's own.
    init(_ offers: [ServerOffer], _ decoder: Decoder) {
        self.offers = offers
        self.decoder = decoder
        for number in offers.indices { place(number) }
        warnOfGaps()
    }

    private mutating func place(_ number: Int) {
        let offer = offers[number]
        var taken: [(owner: Int, name: String)] = []
        var (isOpposed, standsBesideFirst) = (false, false)
        var seen: Set<String> = []
        for name in offer.names where seen.insert(name).inserted {
            guard var seat = seats[name] else {
                names.append(name)
                seats[name] = Seat(members: [number], demand: offer.hasDemand ? number : 0)
                continue
            }
            standsBesideFirst = standsBesideFirst || seat.members[0] == 0
            isOpposed = isOpposed || oppose(number, seat, name)
            if offer.hasDemand, !hasDemand(seat) { seat.demand = number }
            if let owner = seat.members.first(where: { isAlike($0, number) }) {
                taken.append((owner, name))
            } else {
                seat.members.append(number)
            }
            seats[name] = seat
        }
        warn(of: taken, number, isUseless: taken.count == seen.count)
        if number > 0 { joinFirst(number, sharesName: standsBesideFirst) }
    }

    /// Who asks for no name, or for nobody's, may have the first certificate's key kind or another.
    private mutating func joinFirst(_ number: Int, sharesName: Bool) {
        let offer = offers[number]
        let isNew = !standard.members.contains { isAlike($0, number) }
        let isTwin = offer.certificates.isTwin(of: offers[0].certificates)
        if isNew, sharesName {
            standard.members.append(number)
        } else if isNew, isTwin {
            // With names beside it, it says itself what its demand is for.
            let isOpposed = isOpposed(number, to: 0)
            if isOpposed, offer.hasWrittenNames { return }
            if isOpposed { reportOpposition(number, to: 0, "the same address") }
            standard.members.append(number)
        } else if offer.names.isEmpty {
            decoder.report(
                offer.node,
                Complaint(
                    "the certificate of \(offer.certificates.subject) has no DNS name, so that it "
                        + "is never used", accepted: "names beside it"))
        }
    }

    /// Whether one of its own certificates says what is asked of clients; what holds for the listener
    /// counts as said beside the first.
    private func hasDemand(_ seat: Seat) -> Bool { seat.demand > 0 || seat.members[0] == 0 }

    private func isAlike(_ one: Int, _ other: Int) -> Bool {
        offers[one].certificates.keyKind == offers[other].certificates.keyKind
    }

    /// Reports where a name is to have two demands.
    private func oppose(_ number: Int, _ seat: Seat, _ name: String) -> Bool {
        guard hasDemand(seat), isOpposed(number, to: seat.demand) else { return false }
        reportOpposition(number, to: seat.demand, name)
        return true
    }

    /// Whether a certificate's own demand is another than that of one before it.
    private func isOpposed(_ number: Int, to first: Int) -> Bool {
        guard offers[number].hasDemand, let one = offers[first].demand,
            let other = offers[number].demand
        else { return false }
        return !one.isSame(as: other)
    }

    private func reportOpposition(_ number: Int, to first: Int, _ whose: String) {
        decoder.report(
            offers[number].demandNode,
            Complaint(
                "something else is asked of clients than beside another certificate for \(whose)",
                accepted: "for each name the same client_auth and client_ca, or names beside the "
                    + "certificates, for each what it is for"), at: offers[first].demandNode)
    }

    private func warn(of taken: [(owner: Int, name: String)], _ number: Int, isUseless: Bool) {
        let offer = offers[number]
        for owner in Set(taken.map(\.owner)).sorted() {
            let names = taken.filter { $0.owner == owner }.map(\.name)
            let first = offers[owner]
            decoder.warn(
                offer.node,
                Complaint(
                    "the certificate of \(offer.certificates.subject) is not used for "
                        + "\(Printable.list(names)): that of \(first.certificates.subject) stands "
                        + "before it, with a key of the same kind (\(offer.certificates.keyKind))",
                    accepted: isUseless
                        ? "one of them" : "names beside them, for each what it is for"))
            decoder.related(decoder.location(first.node), "the first stands here")
        }
    }

    /// The entries of a listener, that for all other names first; nil where a certificate is wrong.
    var entries: [TLSServerEntry]? {
        var order = [standard]
        var groups: [Seat: [String]] = [standard: []]
        for name in names {
            guard let seat = seats[name] else { continue }
            if groups[seat] == nil { order.append(seat) }
            groups[seat, default: []].append(name)
        }
        var entries: [TLSServerEntry] = []
        for seat in order {
            let identities = seat.members.compactMap { offers[$0].identity }
            guard identities.count == seat.members.count, let demand = offers[seat.demand].demand
            else { return nil }
            var entry = TLSServerEntry(names: groups[seat] ?? [], identities: identities)
            entry.clients = demand.clients
            entry.authorities = demand.trust
            entries.append(entry)
        }
        return entries
    }
}
