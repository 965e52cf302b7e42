import TLS

// Names by which clients get past what is asked of them for others: allowed, since somebody may mean
// it, and told, since nothing else would.

extension NameAssignment {
    /// A name that has what the listener asks, and one that asks more and looks as if it were for both.
    private struct Gap {
        var name: String
        var guarded: String
    }

    /// Warns of what a certificate without a demand of its own is for besides a name whose demand
    /// another one has, and of names under a wildcard that asks what they do not.
    func warnOfGaps() {
        var told: Set<String> = []
        for number in offers.indices.dropFirst() where !offers[number].hasDemand {
            let gaps = gapsBeside(number)
            told.formUnion(gaps.map(\.name))
            warn(of: gaps, number, "in the same certificate ")
        }
        var byOwner: [Int: [Gap]] = [:]
        for name in names where !told.contains(name) {
            guard let gap = gapUnder(name), let owner = seats[name]?.members[0] else { continue }
            byOwner[owner, default: []].append(gap)
        }
        for owner in byOwner.keys.sorted() { warn(of: byOwner[owner] ?? [], owner, "") }
    }

    /// The names of one certificate whose demand is the listener's, where another of its names has
    /// a stricter one.
    private func gapsBeside(_ number: Int) -> [Gap] {
        let own = Set(offers[number].names)
        guard let guarded = names.first(where: { own.contains($0) && isGuarded($0, beside: 0) })
        else { return [] }
        return names.filter { own.contains($0) && seats[$0]?.demand == 0 }.map {
            Gap(name: $0, guarded: guarded)
        }
    }

    /// Whether clients are asked for certificates there, and not as beside that offer.
    private func isGuarded(_ name: String, beside number: Int) -> Bool {
        guard let seat = seats[name], let demand = offers[seat.demand].demand,
            let other = offers[number].demand
        else { return false }
        return demand.clients != .none && !demand.isSame(as: other)
    }

    /// That the nearest wildcard above a name asks for certificates, and the name does not say itself
    /// what it asks.
    private func gapUnder(_ name: String) -> Gap? {
        guard let seat = seats[name], seat.demand == 0,
            seat.members[0] > 0 || !offers[0].writesDemand
        else { return nil }
        var rest = name.utf8[...]
        if name.hasPrefix("*.") { rest = rest.dropFirst(2) }
        while let dot = rest.firstIndex(of: 0x2E) {
            let wildcard = "*" + String(decoding: rest[dot...], as: UTF8.self)
            if seats[wildcard] != nil {
                return isGuarded(wildcard, beside: 0) ? Gap(name: name, guarded: wildcard) : nil
            }
            rest = rest[rest.index(after: dot)...]
        }
        return nil
    }

    /// - Parameter place: of the names that are guarded, with a blank at its end.
    private func warn(of gaps: [Gap], _ number: Int, _ place: String) {
        guard let first = gaps.first, let seat = seats[first.guarded] else { return }
        let (guarded, isOne) = ("\(first.guarded) \(place)does", gaps.count == 1)
        let asking = "\(Printable.list(gaps.map(\.name))) \(isOne ? "asks" : "ask")"
        let asksNothing = offers[0].demand?.clients == ClientCertificates.none
        decoder.warn(
            offers[number].node,
            Complaint(
                asksNothing
                    ? "\(asking) nothing of clients, though \(guarded)"
                    : "\(asking) of clients what the listener does, and not what \(guarded)",
                accepted: "client_auth beside this certificate, too, or names beside each for what "
                    + "it is for"), isFinding: true)
        decoder.related(
            decoder.location(offers[seat.demand].demandNode), "what that asks stands here")
    }
}
