import Audit
import Configuration
import HTTP1
import HTTPSyntax
import Policy
import Transport

// Answers on their way to the client: interim ones, the final head with what came with it, and the end
// of the exchange.

extension Ref<ClientConnection> {
    /// How answer content goes to this client: HTTP/1.0 does not know chunks.
    var answerForm: BodyReader.Form {
        value.exchange.clientIsHTTP10 ? .decoded : .framed
    }

    /// Counts content as the client gets it: HTTP/2 has frames for what chunks say.
    func noteContent(_ progress: BodyReader.Progress) {
        guard let note = value.note else { return }
        note.value.responseContent += UInt64(
            value.carried == nil ? progress.kept : min(progress.kept, progress.data))
    }

    func forwardInterim(_ head: ByteView) {
        let worker = value.worker
        var options = HeadWriter.ResponseOptions.dropsProxyStatus
        worker.dropAllow(for: self, &options)
        worker.value.output.removeAll()
        HeadWriter.response(
            worker.value.response, in: head, extra: .empty, date: .empty, options: options,
            into: &worker.value.output)
        send(worker.value.output.view, .empty)
    }

    /// Forwards an answer's head and the content that came with it; how many bytes were used, or
    /// nil where the exchange is over.
    func forwardAnswer(
        _ bytes: MutableByteView, headLength: Int, from upstream: Ref<UpstreamConnection>
    ) -> Int? {
        let worker = value.worker
        let status = worker.value.response.status
        worker.value.counters.countAnswer(
            status: status, after: worker.value.now.microseconds - value.started)
        noteAnswer(status)
        if isEnding { endAfterLastRequest() }
        if status == 301 || status == 302 { noteRedirect(bytes.view.slice(0, headLength)) }
        let head = bytes.view.slice(0, headLength)
        let isUnderWay = value.carried != nil && answerInFields(head)
        if !isUnderWay { worker.writeResponseHead(head, to: self) }
        guard value.exchange.response == .content else {
            if !isUnderWay { send(worker.value.output.view, .empty) }
            return headLength
        }
        let rest = bytes.dropFirst(headLength)
        let progress = upstream.value.content.take(rest, as: answerForm)
        let content = rest.view.slice(0, progress.kept)
        noteContent(progress)
        if isUnderWay {
            sendBehindFields(content)
        } else if content.count <= Worker.copyLimit {
            worker.value.output.append(content)
            send(worker.value.output.view, .empty)
        } else {
            send(worker.value.output.view, content)
        }
        if let error = progress.error {
            cutOff(.misbehaved(error))
            return nil
        }
        if upstream.value.content.isComplete {
            value.exchange.responseContentEnded()
        } else {
            upstream.startResponseDeadline()
        }
        return headLength + progress.consumed
    }

    /// The answer has gone out whole, as far as its reading is concerned.
    func answerComplete(surplus: Bool) {
        guard value.phase == .exchange else { return }
        let completion = value.exchange.completion(surplus: surplus)
        if let upstream = value.upstream, completion.keepsUpstream, upstream.isReusable {
            value.upstream = nil
            upstream.becomeIdle()
        }
        endExchange()
        guard completion.client == .keep else {
            finish(completion.client)
            return
        }
        becomeIdle()
        resume()
    }
}
