"""Another method inside an allowed one, and tunnels: what carries a request past the policy."""

import gzip

from harness.attack import Attack, names
from harness.recorder import Script, answer

FORM = "application/x-www-form-urlencoded"


def post(fields="", content="", target="/items", method="POST"):
    length = f"Content-Length: {len(content)}\r\n" if content or method == "POST" else ""
    head = f"{method} {target} HTTP/1.1\r\nHost: a.example\r\n{fields}{length}\r\n"
    return (head + content).encode("latin-1")


def without(*wanted):
    """Says whether a field arrived."""

    def seen(_, message):
        arrived = names(message.fields + message.trailers)
        return "forwarded" if any(name in arrived for name in wanted) else "removed"

    return seen


OVERRIDE = without("x-http-method-override", "x-http-method", "x-method-override")


def _override_fields():
    family = "Verb tunnelling: fields"
    for name in (
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "x-http-method-override",
        "X_HTTP_Method_Override",
        "X-HTTP_METHOD-Override",
        "X.HTTP.Method.Override",
    ):
        yield Attack(family, f"`{name}: DELETE`", post(f"{name}: DELETE\r\n"), seen=OVERRIDE)
    fields = "X-HTTP-Method-Override: POST\r\nX-HTTP-Method-Override: DELETE\r\n"
    yield Attack(family, "two lines, the second `DELETE`", post(fields), seen=OVERRIDE)
    yield Attack(
        family, "in lower case: `delete`", post("X-Method-Override: delete\r\n"), seen=OVERRIDE
    )
    yield Attack(
        family,
        "on a GET: `POST` below `/admin`",
        post("X-HTTP-Method-Override: POST\r\n", target="/admin/panel", method="GET"),
        seen=OVERRIDE,
    )
    trailer = (
        b"POST /items HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n"
        b"Trailer: X-HTTP-Method-Override\r\n\r\n2\r\nok\r\n0\r\nX-HTTP-Method-Override: DELETE\r\n\r\n"
    )
    yield Attack(family, "as a trailer", trailer, seen=OVERRIDE)
    yield Attack(family, "method `delete` in lower case", post(method="delete"))
    yield Attack(family, "an unknown method", post(method="FROBNICATE"))


def _override_parameters():
    family = "Verb tunnelling: parameter"
    form = f"Content-Type: {FORM}\r\n"
    yield Attack(family, "`?_method=DELETE`", post(target="/items?_method=DELETE"))
    yield Attack(family, "`?%5fmethod=delete`", post(target="/items?%5fmethod=delete"))
    yield Attack(family, "`?a=b&_method=DEL%45TE`", post(target="/items?a=b&_method=DEL%45TE"))
    yield Attack(family, "behind an escaped `?`", post(target="/items/%3F_method=DELETE"))
    yield Attack(family, "in urlencoded content", post(form, "a=b&_method=DELETE"))
    yield Attack(family, "in urlencoded content, escaped", post(form, "%5Fmethod=%44ELETE"))
    chunked = (
        f"POST /items HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n{form}\r\n"
        "5\r\n_meth\r\n9\r\nod=DELETE\r\n0\r\n\r\n"
    )
    yield Attack(family, "in urlencoded content, split over chunks", chunked.encode())
    yield Attack(family, "in content without a type", post("", "_method=DELETE"))
    yield Attack(family, "a NUL behind the name (PHP)", post(form, "_method%00x=DELETE"))
    yield Attack(family, "a NUL and no escape behind it (PHP)", post(form, "_method%00%ff%=DELETE"))
    yield Attack(family, "a dot for the underscore (PHP)", post(form, "a=b&.method=DELETE"))
    yield Attack(family, "`x-tunneled-method` (Plack)", post(target="/items?x-tunneled-method=DELETE"))
    yield Attack(family, "behind a semicolon", post(form, "a=b;_method=DELETE"))
    wide = "_method=DELETE".encode("utf-16-le").decode("latin-1")
    typed = f"Content-Type: {FORM}; charset=utf-16le\r\n"
    yield Attack(family, "in urlencoded content of UTF-16", post(typed, wide))
    packed = gzip.compress(b"_method=DELETE", mtime=0).decode("latin-1")
    coded = "Content-Encoding: gzip\r\n"
    yield Attack(family, "in urlencoded content, coded", post(form + coded, packed))
    yield from _override_parts(family)
    yield from _override_members(family)


def _override_parts(family):
    kind = "Content-Type: multipart/form-data; boundary=b\r\n"

    def part(disposition):
        head = f"Content-Disposition: form-data; {disposition}"
        return f"--b\r\n{head}\r\n\r\nDELETE\r\n--b--\r\n"

    plain = part('name="_method"')
    other = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n"
    rows = [
        ("in multipart content", kind, plain),
        ("in multipart content, behind another part", kind, other + plain),
        ("in multipart content, behind a preamble", kind, "x\r\n" + plain),
        ("in multipart content, unquoted", kind, part("name=_method")),
        ("in multipart content, with a file name", kind, part('name="_method"; filename="x"')),
        ("in multipart content, folded", kind, part('x=y;\r\n name="_method"')),
        ("in multipart content, `name*`", kind, part("name*=utf-8''%5Fmethod")),
        ("in multipart content, an encoded word", kind, part('name="=?utf-8?B?X21ldGhvZA==?="')),
        ("in multipart content, bare LF", kind, plain.replace("\r\n", "\n")),
        ("in multipart content, a quoted boundary", kind.replace("=b", '="b"'), plain),
        ("in multipart content, a boundary in brackets", kind.replace("=b", "=<b>"), plain),
        ("in multipart content, two boundaries", kind.replace("=b", "=a; boundary=b"), plain),
        ("in `multipart/mixed`", kind.replace("form-data", "mixed"), plain),
    ]
    for name, fields, content in rows:
        yield Attack(family, name, post(fields, content))


def _override_members(family):
    kind = "Content-Type: application/json\r\n"
    plain = '{"a":{"b":1},"_method":"DELETE"}'
    wide = plain.encode("utf-16-le").decode("latin-1")
    rows = [
        ("in JSON", kind, plain),
        ("in JSON, escaped", kind, '{"\\u005fmethod":"DEL\\u0045TE"}'),
        ("in JSON that claims to be coded", kind + "Content-Encoding: gzip\r\n", plain),
        ("in JSON of UTF-16", kind.replace("json", "json; charset=utf-16le"), wide),
        ("in JSON of UTF-16, unannounced", kind, wide),
    ]
    for name, fields, content in rows:
        yield Attack(family, name, post(fields, content))


def _path_fields():
    family = "Fields that override the path"
    for name in ("X-Original-URL", "X-Rewrite-URL", "X_Original_URL", "X.Original.URL"):
        yield Attack(
            family,
            f"`{name}: /admin/panel`",
            post(f"{name}: /admin/panel\r\n"),
            seen=without("x-original-url", "x-rewrite-url"),
        )


def _httpoxy():
    for name in ("Proxy", "proxy", "PROXY"):
        yield Attack(
            "httpoxy", f"`{name}:`", post(f"{name}: evil.example:80\r\n"), seen=without("proxy")
        )


# What belongs to the key below (RFC 6455 §1.3).
ACCEPT = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"


class Switching(Script):
    """Agrees to whatever protocol it is asked for, and goes on reading."""

    def head(self, message):
        return self._switch(message) if message.values("Upgrade") else super().head(message)

    def whole(self, message):
        return b"" if message.values("Upgrade") else super().whole(message)

    def _switch(self, message):
        protocol = message.value("Upgrade") or "websocket"
        return (
            f"HTTP/1.1 101 Switching Protocols\r\nX-Target: {message.target}\r\n"
            f"Connection: Upgrade\r\nUpgrade: {protocol}\r\n{ACCEPT}\r\n"
        ).encode("latin-1")


class Unasked(Switching):
    """Switches whether anybody asked or not."""

    def head(self, message):
        return b"" if message.target == "/victim" else self._switch(message)

    def whole(self, message):
        return super().whole(message) if message.target == "/victim" else b""


class Declining(Script):
    """Has no wish to switch."""

    def whole(self, message):
        if message.values("Upgrade"):
            fields = "Sec-WebSocket-Version: 13\r\n"
            return answer(message.target, "426 Upgrade Required", fields=fields)
        return super().whole(message)


SMUGGLED = b"DELETE /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"


def _then_smuggled(first):
    """Asks, waits for the answer, then sends what is to go through the tunnel."""

    def steps(talk, client):
        talk.send(client, first)
        talk.receive(client)
        talk.send(client, SMUGGLED)
        talk.receive(client, silent=0.3)

    return steps


def _tunnelled(talk):
    raw = b"".join(bytes(stream) for stream in talk.recorder.streams)
    declared = sum(SMUGGLED in message.content for message in talk.messages())
    return ["bytes that nobody judged go through"] if raw.count(SMUGGLED) > declared else []


def upgraded(_, message):
    return "tunnel asked for" if message.values("Upgrade") else "Upgrade removed"


def get(fields, target="/chat", method="GET"):
    length = "Content-Length: 0\r\n" if method == "POST" else ""
    return f"{method} {target} HTTP/1.1\r\nHost: a.example\r\n{fields}{length}\r\n".encode()


WEBSOCKET = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Version: 13\r\n"
)


def _upgrades():
    family = "Upgrade tunnelling"
    rows = [
        ("WebSocket, the backend switches", get(WEBSOCKET), Switching()),
        (
            "WebSocket of a bad version, the backend answers 426",
            get(WEBSOCKET.replace(": 13", ": 777")),
            Declining(),
        ),
        (
            "WebSocket with content",
            get(WEBSOCKET + f"Content-Length: {len(SMUGGLED)}\r\n"),
            Switching(),
        ),
        ("`Upgrade: x`, the backend switches", get("Connection: Upgrade\r\nUpgrade: x\r\n"), Switching()),
        ("nobody asked, the backend switches", get(""), Unasked()),
        ("the client asked, the backend switches whatever it gets", get(WEBSOCKET), Unasked()),
        ("by POST", get(WEBSOCKET, "/items", "POST"), Switching()),
    ]
    for name, first, script in rows:
        yield Attack(
            family, name, first, script, _then_smuggled(first), seen=upgraded, check=_tunnelled
        )
    connect = b"CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n"
    yield Attack(family, "CONNECT", connect, steps=_then_smuggled(connect), check=_tunnelled)


def _h2c():
    family = "h2c smuggling"
    settings = "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"
    rows = [
        ("`Upgrade: h2c`", f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n{settings}"),
        ("`Connection: Upgrade` alone", f"Connection: Upgrade\r\nUpgrade: h2c\r\n{settings}"),
        ("`Upgrade: websocket, h2c`", f"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n{settings}"),
        ("without Connection", f"Upgrade: h2c\r\n{settings}"),
        ("`Upgrade: H2C`", f"Connection: Upgrade\r\nUpgrade: H2C\r\n{settings}"),
    ]
    for name, fields in rows:
        first = get(fields)
        yield Attack(
            family,
            name,
            first,
            Switching(),
            _then_smuggled(first),
            seen=upgraded,
            check=_tunnelled,
        )
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    yield Attack(family, "the preface of HTTP/2", preface, Switching(), check=_tunnelled)


def every():
    for part in (_override_fields, _override_parameters, _path_fields, _httpoxy, _upgrades, _h2c):
        yield from part()
