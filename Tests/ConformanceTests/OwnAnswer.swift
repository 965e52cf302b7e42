// The form that every answer of the gate itself has, whatever its status.

import Foundation
import TestSupport

enum OwnAnswer {
    static func problems(with answer: WireMessage, to method: String) -> [String] {
        var found: [String] = []
        if !isEventID(answer.value("Methodgate-Event") ?? "") {
            found.append("Methodgate-Event is no UUIDv7")
        }
        if answer.values("Cache-Control") != ["no-store"] {
            found.append("Cache-Control: \(answer.values("Cache-Control"))")
        }
        let status = answer.value("Proxy-Status") ?? ""
        if !status.hasPrefix("methodgate") || !status.utf8.allSatisfy({ $0 < 0x7F }) {
            found.append("Proxy-Status: \(status)")
        }
        if answer.values("Content-Length").count != 1 { found.append("not one Content-Length") }
        if answer.status != 501, answer.values("Allow").isEmpty == (answer.status == 405) {
            found.append("Allow with \(answer.status): \(answer.values("Allow"))")
        }
        guard method != "HEAD" else { return found }
        // gRPC over HTTP/2: its head is all there is.
        if answer.startLine.hasPrefix("HTTP/2"), answer.value("Content-Type") == "application/grpc"
        {
            let isRight = answer.content.isEmpty && answer.value("grpc-status") != nil
            return isRight ? found : found + ["no status of gRPC alone"]
        }
        if answer.content.isEmpty { found.append("no content") }
        switch answer.value("Content-Type")?.split(separator: ";").first {
        case "application/problem+json": return found + documentProblems(answer)
        case "text/html", "text/plain": return found
        case let type: return found + ["Content-Type: \(type ?? "none")"]
        }
    }

    /// The members of the problem document (RFC 9457 §3.1).
    private static func documentProblems(_ answer: WireMessage) -> [String] {
        guard
            let value = try? JSONSerialization.jsonObject(with: Data(answer.content)),
            let document = value as? [String: Any]
        else { return ["the problem document is not JSON: \(answer.text)"] }
        var found: [String] = []
        for member in ["type", "title", "detail", "message"]
        where (document[member] as? String ?? "").isEmpty {
            found.append("no \(member) in the problem document")
        }
        if document["status"] as? Int != answer.status { found.append("the document's status") }
        let id = answer.value("Methodgate-Event") ?? ""
        if document["instance"] as? String != "urn:uuid:\(id)" {
            found.append("the document's instance is \(document["instance"] ?? "missing")")
        }
        if answer.status == 405 {
            let listed = (document["allowed"] as? [String])?.joined(separator: ", ")
            if listed != answer.value("Allow") {
                found.append("allowed in the document differs from Allow")
            }
            if document["method"] as? String == nil { found.append("no method in the document") }
        }
        return found
    }

    /// A UUID of version 7 in its canonical form (RFC 9562).
    static func isEventID(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.joined().allSatisfy { $0.isHexDigit && !$0.isUppercase }
            && parts[2].hasPrefix("7") && "89ab".contains(parts[3].prefix(1))
    }
}
