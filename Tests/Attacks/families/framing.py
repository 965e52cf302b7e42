"""Desynchronisation: where a request ends, and which answer is whose."""

import re

from harness.attack import Attack
from harness.recorder import Script, answer

SMUGGLED = b"DELETE /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
HEAD = b"POST /items HTTP/1.1\r\nHost: a.example\r\n"


def _with(fields, content, family, name, **more):
    return Attack(family, name, HEAD + fields + b"\r\n" + content, **more)


def _lengths():
    family = "CL.CL"
    size = str(len(SMUGGLED)).encode()
    rows = [
        ("two values, 0 first", b"Content-Length: 0\r\nContent-Length: " + size + b"\r\n"),
        ("two values, 0 last", b"Content-Length: " + size + b"\r\nContent-Length: 0\r\n"),
        ("two equal values", (b"Content-Length: " + size + b"\r\n") * 2),
        ("a list", b"Content-Length: 0, " + size + b"\r\n"),
        ("`+0`", b"Content-Length: +0\r\n"),
        ("`-1`", b"Content-Length: -1\r\n"),
        ("`0x0`", b"Content-Length: 0x0\r\n"),
        ("`0 1`", b"Content-Length: 0 1\r\n"),
        ("empty", b"Content-Length: \r\n"),
        ("over 2^64", b"Content-Length: 18446744073709551616\r\n"),
        ("white space before the colon", b"Content-Length : " + size + b"\r\n"),
        ("`Content_Length`", b"Content-Length: 0\r\nContent_Length: " + size + b"\r\n"),
        ("a NUL behind the number", b"Content-Length: 0\0\r\n"),
    ]
    for name, fields in rows:
        yield _with(fields, SMUGGLED, family, name)


def _codings():
    size = str(len(b"0\r\n\r\n" + SMUGGLED)).encode()
    both = [
        ("CL.TE", b"Content-Length: " + size + b"\r\nTransfer-Encoding: chunked\r\n"),
        ("TE.CL", b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n"),
        ("TE.0", b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
    ]
    for name, fields in both:
        yield _with(fields, b"0\r\n\r\n" + SMUGGLED, "CL.TE and TE.CL", f"{name}, both fields")
    length = b"Content-Length: " + size + b"\r\n"
    spellings = [
        ("`xchunked`", b"Transfer-Encoding: xchunked\r\n"),
        ("white space before the colon", b"Transfer-Encoding : chunked\r\n"),
        ("a tab before the value", b"Transfer-Encoding:\tchunked\r\n"),
        ("a vertical tab before the value", b"Transfer-Encoding: \x0bchunked\r\n"),
        ("a quoted value", b'Transfer-Encoding: "chunked"\r\n'),
        ("`chunked, identity`", b"Transfer-Encoding: chunked, identity\r\n"),
        ("`identity, chunked`", b"Transfer-Encoding: identity, chunked\r\n"),
        ("`,chunked`", b"Transfer-Encoding: ,chunked\r\n"),
        ("`chunked;q=1`", b"Transfer-Encoding: chunked;q=1\r\n"),
        ("two lines, the second `x`", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
        ("two lines, the first `x`", b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n"),
        ("folded", b"Transfer-Encoding:\r\n chunked\r\n"),
        ("behind a bare LF", b"X: y\nTransfer-Encoding: chunked\r\n"),
        ("behind a bare CR", b"X: y\rTransfer-Encoding: chunked\r\n"),
        ("`Transfer_Encoding`", b"Transfer_Encoding: chunked\r\n"),
        ("a NUL in the name", b"Transfer-Encoding\0: chunked\r\n"),
        ("a leading space", b" Transfer-Encoding: chunked\r\n"),
        ("`CHUNKED`", b"Transfer-Encoding: CHUNKED\r\n"),
        ("removed by Connection", b"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n"),
    ]
    for name, fields in spellings:
        content = b"0\r\n\r\n" + SMUGGLED
        yield _with(length + fields, content, "TE.TE, with a length", name)
    alone = [row for row in spellings if row[0] in ("`xchunked`", "`chunked, identity`", "`CHUNKED`")]
    for name, fields in alone:
        yield _with(fields, b"0\r\n\r\n", "TE.TE, without a length", name)
    old = b"POST /items HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield Attack("TE.TE, without a length", "in HTTP/1.0", old + b"0\r\n\r\n" + SMUGGLED)


def _chunks():
    family = "Chunks"
    rows = [
        ("`2` and white space", b"2 \r\nok\r\n0\r\n\r\n"),
        ("`0x2`", b"0x2\r\nok\r\n0\r\n\r\n"),
        ("`+2`", b"+2\r\nok\r\n0\r\n\r\n"),
        ("over 2^64", b"10000000000000002\r\nok\r\n0\r\n\r\n"),
        ("bare LF behind the size", b"2\nok\r\n0\r\n\r\n"),
        ("bare LF behind the data", b"2\r\nok\n0\r\n\r\n"),
        ("bare LF in an extension (TERM.EXT)", b"2;\nxx\r\nok\r\n0\r\n\r\n"),
        ("bare CR in an extension", b"2;x\ry\r\nok\r\n0\r\n\r\n"),
        ("an extension behind white space", b"2 ;x=y\r\nok\r\n0\r\n\r\n"),
        ("data longer than the size", b"2\r\nokxx\r\n0\r\n\r\n"),
        ("no CRLF behind the data", b"2\r\nok0\r\n\r\n"),
        ("bare LF ends the last chunk", b"2\r\nok\r\n0\n\r\n"),
        ("bare LF ends the trailers", b"2\r\nok\r\n0\r\n\n"),
        ("a framing field in the trailers", b"2\r\nok\r\n0\r\nContent-Length: 5\r\n\r\n"),
        ("an empty size", b"\r\nok\r\n0\r\n\r\n"),
        ("an extension of 4 KiB", b"2;" + b"x" * 4096 + b"\r\nok\r\n0\r\n\r\n"),
    ]
    for name, content in rows:
        field = b"Transfer-Encoding: chunked\r\n"
        yield _with(field, content + SMUGGLED, family, name)


def _lines():
    family = "Bare LF, bare CR, NUL"
    rows = [
        ("LF behind the request line", b"GET /x HTTP/1.1\nHost: a.example\r\n\r\n"),
        ("LF behind a field", b"GET /x HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n"),
        ("LF as the empty line", b"GET /x HTTP/1.1\r\nHost: a.example\r\n\n"),
        ("LF throughout", b"GET /x HTTP/1.1\nHost: a.example\n\n"),
        ("CR in a value", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\rz\r\n\r\n"),
        ("CR before CRLF", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\r\r\n\r\n"),
        ("CR before a name", b"GET /x HTTP/1.1\r\nHost: a.example\r\n\rX: y\r\n\r\n"),
        ("NUL in a value", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\0z\r\n\r\n"),
        ("NUL in a name", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX\0Y: z\r\n\r\n"),
        ("a line without a colon", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX\r\n\r\n"),
        ("two spaces in the request line", b"GET  /x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        ("a tab in the request line", b"GET\t/x HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        ("a space in the target", b"GET /x y HTTP/1.1\r\nHost: a.example\r\n\r\n"),
        ("no version (HTTP/0.9)", b"GET /x\r\n\r\n"),
        ("HTTP/1.9", b"GET /x HTTP/1.9\r\nHost: a.example\r\n\r\n"),
    ]
    for name, data in rows:
        yield Attack(family, name, data)
    family = "obs-fold"
    rows = [
        ("of a value", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\r\n z\r\n\r\n"),
        ("by a tab", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\r\n\tz\r\n\r\n"),
        ("of Host", b"GET /x HTTP/1.1\r\nHost:\r\n a.example\r\n\r\n"),
        ("of the first line", b"GET /x HTTP/1.1\r\n X: y\r\nHost: a.example\r\n\r\n"),
        ("that hides a field", b"GET /x HTTP/1.1\r\nHost: a.example\r\nX: y\r\n Content-Length: 5\r\n\r\n"),
    ]
    for name, data in rows:
        yield Attack(family, name, data)


class Early(Script):
    """Answers as soon as a head is there, and keeps the connection."""

    def head(self, message):
        return answer(message.target)

    def whole(self, message):
        return b""


def _slowly(first, second):
    def steps(talk, client):
        talk.send(client, first)
        talk.receive(client)
        talk.send(client, second)
        talk.receive(client, silent=0.3)

    return steps


def _early():
    family = "0.CL and early answers"
    size = str(len(SMUGGLED)).encode()
    head = HEAD + b"Content-Length: " + size + b"\r\n\r\n"
    yield Attack(family, "the content follows the answer", head, Early(), _slowly(head, SMUGGLED))
    yield Attack(family, "the content never follows", head, Early())
    part = SMUGGLED[:10]
    yield Attack(
        family, "a part of it comes before the answer", head, Early(), _slowly(head + part, SMUGGLED[10:])
    )
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    yield Attack(
        family, "chunks follow the answer", chunked, Early(), _slowly(chunked, b"0\r\n\r\n" + SMUGGLED)
    )
    for method in (b"GET", b"HEAD"):
        data = method + b" /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + size + b"\r\n\r\n" + SMUGGLED
        yield Attack(family, f"{method.decode()} with content", data)
    data = b"GET /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n" + SMUGGLED
    yield Attack(family, "pipelined behind a GET", data)
    family = "Expect desynchronisation"
    for name, field in (
        ("`100-continue`, answered early", b"Expect: 100-continue\r\n"),
        ("`100-Continue `", b"Expect: 100-Continue \r\n"),
        ("`y 100-continue`", b"Expect: y 100-continue\r\n"),
        ("two lines", b"Expect: 100-continue\r\nExpect: 100-continue\r\n"),
        ("folded", b"Expect:\r\n 100-continue\r\n"),
    ):
        first = HEAD + b"Content-Length: " + size + b"\r\n" + field + b"\r\n"
        yield Attack(family, name, first, Early(), _slowly(first, SMUGGLED))
    for method in (b"GET", b"HEAD"):
        first = (
            method + b" /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: " + size
            + b"\r\nExpect: 100-continue\r\n\r\n"
        )  # fmt: skip
        yield Attack(family, f"{method.decode()} with content", first, Early(), _slowly(first, SMUGGLED))


class Answering(Script):
    """Answers an attacker with given bytes, the rest as usual."""

    def __init__(self, data):
        self._data = data

    def whole(self, message):
        return super().whole(message) if message.target == "/victim" else self._data


def _two_readings(talk):
    """Of the answer that the client got."""
    head = talk.received.partition(b"\r\n\r\n")[0]
    fields = head.lower()
    found = []
    if b"\r\ncontent-length:" in fields and b"\r\ntransfer-encoding:" in fields:
        found.append("an answer with two framings")
    if fields.count(b"\r\ncontent-length:") > 1:
        found.append("an answer with two lengths")
    if re.search(rb"(?<!\r)\n|\r(?!\n)|\0", head) or b"\n " in head:
        found.append("an answer with two readings")
    return found


POISON = answer("/poison", content=b"poison")


def _answers():
    family = "Response-queue poisoning"
    plain = answer("/x")
    rows = [
        ("two answers to one request", "GET", plain + POISON),
        ("content longer than its length", "GET", plain + b"\r\n" + POISON),
        ("204 with content", "GET", b"HTTP/1.1 204 No Content\r\nX-Target: /x\r\n\r\n" + POISON),
        ("304 with content", "GET", b"HTTP/1.1 304 Not Modified\r\nX-Target: /x\r\n\r\n" + POISON),
        ("an answer to HEAD with content", "HEAD", plain[:-2] + POISON),
        ("100 behind the answer", "GET", plain + b"HTTP/1.1 100 Continue\r\n\r\n" + POISON),
        ("101 that nobody asked for", "GET", b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + POISON),
    ]
    for name, method, data in rows:
        request = f"{method} /x HTTP/1.1\r\nHost: a.example\r\n\r\n".encode()
        yield Attack(family, name, request, Answering(data), check=_two_readings)
    family = "Answers with two readings"
    ok = b"HTTP/1.1 200 OK\r\nX-Target: /x\r\n"
    rows = [
        ("two lengths", ok + b"Content-Length: 2\r\nContent-Length: 0\r\n\r\nok"),
        ("a list of lengths", ok + b"Content-Length: 2, 0\r\n\r\nok"),
        ("length and chunks", ok + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("`xchunked`", ok + b"Transfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\nok"),
        ("bare LF", b"HTTP/1.1 200 OK\r\nX-Target: /x\nX: y\r\nContent-Length: 2\r\n\r\nok"),
        ("bare CR in a value", ok + b"X: y\rz\r\nContent-Length: 2\r\n\r\nok"),
        ("NUL in a value", ok + b"X: y\0z\r\nContent-Length: 2\r\n\r\nok"),
        ("obs-fold", ok + b"X: y\r\n z\r\nContent-Length: 2\r\n\r\nok"),
        ("white space before the colon", ok + b"Content-Length : 2\r\n\r\nok"),
    ]
    for name, data in rows:
        request = b"GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n"
        yield Attack(family, name, request, Answering(data), check=_two_readings)


def every():
    for part in (_lengths, _codings, _chunks, _lines, _early, _answers):
        yield from part()
