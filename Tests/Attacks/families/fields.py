"""What a client says of itself and of others: addresses, hosts, and what ends up in a log."""

import json
import re
import time

from harness.attack import Attack, names

GET = "GET /x HTTP/1.1\r\nHost: a.example\r\n"
FORGED = "6.6.6.6"


def _get(fields):
    return (GET + fields + "\r\n").encode("latin-1")


def _is_there(*wanted):
    """Says whether a field arrived as the client sent it."""

    def seen(_, message):
        values = [v for n, v in message.fields if n.lower().replace("_", "-") in wanted]
        if any(FORGED in value for value in values):
            return "forwarded"
        return "written anew" if values else "removed"

    return seen


def _lacks(*wanted):
    """Fields without which the backend would take the request for another one."""

    def check(talk):
        return [
            f"no {name} reaches the backend"
            for message in talk.forwarded()
            for name in wanted
            if name.lower() not in names(message.fields)
        ]

    return check


def _addresses():
    family = "Forged addresses"
    rows = [
        ("`X-Forwarded-For`", f"X-Forwarded-For: {FORGED}\r\n"),
        ("two lines", f"X-Forwarded-For: {FORGED}\r\nX-Forwarded-For: {FORGED}\r\n"),
        ("`X_Forwarded_For`", f"X_Forwarded_For: {FORGED}\r\n"),
        ("`X-Forwarded_For`", f"X-Forwarded_For: {FORGED}\r\n"),
        ("`X-Real-IP`", f"X-Real-IP: {FORGED}\r\n"),
        ("`X_Real_IP`", f"X_Real_IP: {FORGED}\r\n"),
        ("`Forwarded`", f"Forwarded: for={FORGED}\r\n"),
    ]
    for name, fields in rows:
        seen = _is_there("x-forwarded-for", "x-real-ip", "forwarded")
        yield Attack(family, name, _get(fields), seen=seen)


def _arrived(wanted):
    def seen(_, message):
        return "forwarded with it" if wanted in names(message.fields) else "forwarded without it"

    return seen


def _hop_by_hop():
    family = "Hop-by-hop abuse: Connection names"
    for name in ("X-Forwarded-For", "Host", "Authorization", "Cookie"):
        value = {"Authorization": "Authorization: Basic eDp5\r\n", "Cookie": "Cookie: a=b\r\n"}
        yield Attack(
            family,
            f"`{name}`",
            _get(f"Connection: close, {name}\r\n{value.get(name, '')}"),
            seen=_arrived(name.lower()),
            check=_lacks(name),
        )
    forged = f"Connection: close, X-Real-IP\r\nX-Real-IP: {FORGED}\r\n"
    yield Attack(family, "`X-Real-IP`, forged", _get(forged), seen=_is_there("x-real-ip"))
    yield Attack(
        family,
        "`Content-Length`",
        b"POST /items HTTP/1.1\r\nHost: a.example\r\nConnection: Content-Length\r\n"
        b"Content-Length: 2\r\n\r\nok",
        seen=_arrived("content-length"),
        check=_lacks("Content-Length"),
    )


def _hosts():
    family = "Host disagreement"

    def post(target, fields):
        return f"POST {target} HTTP/1.1\r\n{fields}Content-Length: 0\r\n\r\n".encode("latin-1")

    closed, other = "Host: closed.example\r\n", "Host: a.example\r\n"
    rows = [
        ("plainly", post("/x", closed)),
        ("absolute-form, Host another", post("http://closed.example/x", other)),
        ("Host, absolute-form another", post("http://a.example/x", closed)),
        ("absolute-form of `https`", post("https://closed.example/x", other)),
        ("absolute-form with userinfo", post("http://a.example@closed.example/x", other)),
        ("absolute-form with a backslash", post("http://a.example\\@closed.example/x", other)),
        ("two lines, the first", post("/x", closed + other)),
        ("two lines, the second", post("/x", other + closed)),
        ("a list", post("/x", "Host: a.example, closed.example\r\n")),
        ("in capitals", post("/x", "Host: CLOSED.EXAMPLE\r\n")),
        ("a trailing dot", post("/x", "Host: closed.example.\r\n")),
        ("a port", post("/x", "Host: closed.example:80\r\n")),
        ("below it, by a wildcard", post("/x", "Host: a.closed.example\r\n")),
        ("the same, 265 bytes", post("/x", f"Host: {250 * 'a'}.closed.example\r\n")),
        ("a port that is none", post("/x", "Host: closed.example:x\r\n")),
        ("an escape", post("/x", "Host: closed%2eexample\r\n")),
        ("userinfo", post("/x", "Host: a.example@closed.example\r\n")),
        ("white space before the colon", post("/x", other + "Host : closed.example\r\n")),
        ("a leading tab", post("/x", "Host:\tclosed.example\r\n")),
        ("none, in HTTP/1.1", post("/x", "")),
        ("empty", post("/x", "Host: \r\n")),
        ("`X-Forwarded-Host`", post("/x", other + "X-Forwarded-Host: closed.example\r\n")),
        ("`X_Forwarded_Host`", post("/x", other + "X_Forwarded_Host: closed.example\r\n")),
    ]
    for name, data in rows:
        yield Attack(family, name, data, seen=_host)


def _host(_, message):
    return "forwarded" if not message.target.startswith("http") else "forwarded as it came"


def _poisoning():
    family = "CPDoS"
    rows = [
        ("oversized field (HHO), 20 KiB", f"X-Oversized: {'x' * 20480}\r\n"),
        ("meta character (HMC), BEL", "X-Meta: \x07\r\n"),
        ("meta character (HMC), ESC", "X-Meta: \x1b[0m\r\n"),
        ("meta character (HMC), NUL", "X-Meta: \0\r\n"),
        ("meta character (HMC), DEL", "X-Meta: \x7f\r\n"),
        ("meta character in a name", "X-Me\x08ta: y\r\n"),
    ]
    for name, fields in rows:
        yield Attack(family, name, _get(fields))
    # A GET that the backend takes for a POST, and a cache in front for a GET.
    override = "X-HTTP-Method-Override: POST\r\n"
    data = f"GET /admin/panel HTTP/1.1\r\nHost: a.example\r\n{override}\r\n".encode()
    yield Attack(family, "method override (HMO), `POST`", data, seen=_override)


def _override(_, message):
    return "forwarded" if "x-http-method-override" in names(message.fields) else "removed"


# What a line of each log is, when nobody forged it.
HAPROXY_LINE = re.compile(
    rb'[0-9.]+:\d+ \[[^\]]+\] gate \S+ \S+ \d+ \d+ \S+ \S+ \S{4} \S+ \S+ \{[^{}|"]*\} "[^"]*"'
)


def _one_line_each(talk):
    """The log has lines of the log's own making only: no request adds a line, nor a byte that a
    terminal or a reader takes for something else."""
    time.sleep(0.1)
    lines = talk.new_log_lines()
    found = []
    for line in lines:
        if re.search(rb"[\x00-\x1f\x7f]", line):
            found.append("a control byte in the log")
        try:
            text = line.decode()
        except UnicodeDecodeError:
            found.append("a line that is not UTF-8")
            continue
        if any(char in text for char in "\u0085\u2028\u2029\u202e"):
            found.append("a line end of Unicode in the log")
        if line.startswith(b"{"):
            try:
                if json.loads(text).get("forged"):
                    found.append("a forged line")
            except ValueError:
                found.append("a line that is no JSON")
        elif not HAPROXY_LINE.fullmatch(line) and b"<BADREQ>" not in line:
            found.append("a line out of form")
    return found


def _logs():
    family = "Log forging"

    def delete(target="/x", agent="x"):
        head = f"DELETE {target} HTTP/1.1\r\nHost: a.example\r\n".encode("latin-1")
        return head + b"User-Agent: " + agent.encode("latin-1") + b"\r\n\r\n"

    rows = [
        ("escaped line end in the target", delete('/x%0d%0a{"forged":1}')),
        ("quotes in the target", delete('/x","forged":1,"x":"')),
        ("raw line end in the target", delete('/x\n{"forged":1}')),
        ("a control byte in the target", delete("/x\x1b[2J")),
        ("quotes in User-Agent", delete(agent='x","forged":1,"x":"')),
        ("a backslash at its end", delete(agent="x\\")),
        ("braces and bars in it", delete(agent='x}|{ "GET / HTTP/1.1"')),
        ("a terminal's escapes in it", delete(agent="x\x1b[2J")),
        ("bare CR in it", delete(agent='x\r{"forged":1}')),
        ("bytes that are no UTF-8 in it", delete(agent="x\xff\xfe\xc0\xae")),
        ("U+0085 and U+2028 in it", delete(agent="x\xc2\x85\xe2\x80\xa8y")),
        ("U+202E (right to left) in it", delete(agent="x\xe2\x80\xaey")),
    ]
    for name, data in rows:
        yield Attack(family, name, data, check=_one_line_each)


def every():
    for part in (_addresses, _hop_by_hop, _hosts, _poisoning, _logs):
        yield from part()
