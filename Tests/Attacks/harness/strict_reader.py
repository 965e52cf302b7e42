"""A strict reader of HTTP/1.1 requests, as an independent judge of what a backend got.

It shares nothing with the gate's parser. It reads by RFC 9112 and repairs nothing: whatever two
recipients could take differently is named in `problem`, and nothing behind it is read.
"""

import dataclasses
import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
TARGET = re.compile(rb"[\x21-\x7e]+\Z")
# What browsers send in a query beyond the grammar is one reading all the same.
QUERY = re.compile(rb"[\x21-\x7e\x80-\xff]*\Z")
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=]*)(:[0-9]*)?\Z")
HEXADECIMAL = re.compile(rb"[0-9A-Fa-f]{1,16}\Z")


@dataclasses.dataclass
class Message:
    """One request. `complete` says whether its last byte is there; `end` is where it stops."""

    method: str = ""
    target: str = ""
    version: str = ""
    fields: list = dataclasses.field(default_factory=list)
    trailers: list = dataclasses.field(default_factory=list)
    content: bytes = b""
    has_head: bool = False
    complete: bool = False
    problem: str = ""
    end: int = 0

    def values(self, name):
        return [value for found, value in self.fields if found.lower() == name.lower()]

    def value(self, name):
        return ", ".join(self.values(name))


class _Problem(Exception):
    pass


class _Incomplete(Exception):
    pass


def messages(data):
    """All requests in `data`, up to and with the first that is incomplete or has a problem."""
    found, start = [], 0
    while start < len(data):
        message = Message(end=start)
        found.append(message)
        try:
            _read(data, start, message)
        except _Incomplete:
            message.end = len(data)
            break
        except _Problem as problem:
            message.problem = str(problem)
            break
        start = message.end
    return found


def _line(data, start):
    end = data.find(b"\n", start)
    line = data[start:] if end < 0 else data[start:end]
    if b"\r" in line[:-1] or (end >= 0 and not line.endswith(b"\r")):
        raise _Problem("a line end that is not CRLF")
    if end < 0:
        raise _Incomplete
    return line[:-1], end + 1


def _read(data, start, message):
    line, place = _line(data, start)
    _request_line(line, message)
    place = _field_lines(data, place, message.fields)
    _check_host(message)
    message.has_head = True
    length = _framing(message)
    if length is None:
        place = _chunks(data, place, message)
    else:
        message.content = data[place : place + length]
        place += length
        if place > len(data):
            raise _Incomplete
    message.complete = True
    message.end = place


def _request_line(line, message):
    parts = line.split(b" ")
    if len(parts) != 3:
        raise _Problem("a request line that is not three parts")
    method, target, version = parts
    if not TOKEN.match(method):
        raise _Problem("a method that is no token")
    path, _, query = target.partition(b"?")
    if not TARGET.match(path) or not QUERY.match(query) or b"#" in target:
        raise _Problem("a byte in the target that none may hold")
    if version not in (b"HTTP/1.1", b"HTTP/1.0"):
        raise _Problem("an unknown version")
    is_absolute = re.match(rb"https?://[^/?]", target, re.I)
    if not target.startswith(b"/") and not is_absolute and (method, target) != (b"OPTIONS", b"*"):
        raise _Problem("a target in no form that an origin server takes")
    message.method, message.target, message.version = (
        part.decode("latin-1") for part in (method, target, version)
    )


def _field_lines(data, place, fields):
    while True:
        line, place = _line(data, place)
        if not line:
            return place
        name, colon, value = line.partition(b":")
        if line[0] in b" \t":
            raise _Problem("a line that begins with white space")
        if not colon:
            raise _Problem("a field line without a colon")
        if not TOKEN.match(name):
            raise _Problem("a field name that is no token")
        if not VALUE.match(value):
            raise _Problem("a control byte in a field value")
        fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))


def _check_host(message):
    hosts = message.values("Host")
    if len(hosts) > 1 or (not hosts and message.version == "HTTP/1.1"):
        raise _Problem("no Host, or more than one")
    if hosts and not HOST.match(hosts[0].encode("latin-1")):
        raise _Problem("a Host that is none")
    authority = re.match(r"https?://([^/?]*)", message.target, re.I)
    if authority and hosts and authority[1].lower() != hosts[0].lower():
        raise _Problem("a Host that differs from the target's authority")


def _framing(message):
    """The content's length; None where it comes in chunks."""
    # CGI and what descends from it read `_` and `-` alike.
    framing = {"content-length", "transfer-encoding"}
    if any("_" in name and name.lower().replace("_", "-") in framing for name, _ in message.fields):
        raise _Problem("a framing field in disguise")
    lengths = message.values("Content-Length")
    codings = message.values("Transfer-Encoding")
    if codings:
        if lengths:
            raise _Problem("Transfer-Encoding with Content-Length")
        if len(codings) > 1 or codings[0].lower() != "chunked":
            raise _Problem("a transfer coding other than one chunked")
        if message.version == "HTTP/1.0":
            raise _Problem("Transfer-Encoding in HTTP/1.0")
        return None
    if len(lengths) > 1 or (lengths and not re.fullmatch("[0-9]{1,18}", lengths[0])):
        raise _Problem("a Content-Length that is no number, or more than one")
    return int(lengths[0]) if lengths else 0


def _chunks(data, place, message):
    while True:
        line, place = _line(data, place)
        size, _, extension = line.partition(b";")
        if not HEXADECIMAL.match(size):
            raise _Problem("a malformed chunk size")
        if not VALUE.match(extension):
            raise _Problem("a control byte in a chunk extension")
        count = int(size, 16)
        if count == 0:
            return _field_lines(data, place, message.trailers)
        message.content += data[place : place + count]
        place += count
        ending = data[place : place + 2]
        if not b"\r\n".startswith(ending):
            raise _Problem("chunk data that no CRLF ends")
        if len(ending) < 2:
            raise _Incomplete
        place += 2
