"""One attack on one front door: what the client sends, what the backend got, and whether that is
what the policy allows in the eyes of an independent strict reader.
"""

import dataclasses
import re
import socket
import time
import urllib.parse

from . import parameters, strict_reader
from .recorder import Script

READ = {"GET", "HEAD"}
OVERRIDES = {"x-http-method-override", "x-http-method", "x-method-override"}
PATH_OVERRIDES = {"x-original-url", "x-rewrite-url"}
VICTIM = b"GET /victim HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n"
# How long a client waits: after an answer for another one, and for any answer at all.
QUIET, SILENT = 0.1, 3
# Read as leniently as can be. 101 is the last word in HTTP.
FINAL = re.compile(rb"(?:^|[^/])HTTP/1\.[01] (101|[2-9]\d\d)")


@dataclasses.dataclass
class Outcome:
    """A cell of the table. `violations` are empty where the attack did nothing."""

    cell: str
    violations: list

    @property
    def is_safe(self):
        return not self.violations


@dataclasses.dataclass
class Attack:
    """`requests` is sent on one connection. `steps` (a function of a `Talk`) replaces that where
    an attack takes more than that. `seen` names what became of a request that was forwarded.
    `check` (a function of a `Talk`) gives further violations."""

    family: str
    name: str
    requests: bytes = b""
    script: Script = dataclasses.field(default_factory=Script)
    steps: object = None
    seen: object = None
    check: object = None


class Talk:
    """One run of an attack against a front door."""

    def __init__(self, port, recorder, log):
        self.port = port
        self.recorder = recorder
        self.log = log
        self.received = b""
        self.is_closed = False
        self.victim = b""
        self._log_starts = []

    def run(self, attack):
        self.recorder.begin(attack.script)
        time.sleep(0.02)
        self._log_starts = [len(text) for text in self.log()]
        with self.connect() as client:
            if attack.steps:
                attack.steps(self, client)
            else:
                self.send(client, attack.requests)
                self.receive(client)
            # Each front door has one thread here: what it had for the attacker it has sent by the
            # time that somebody else has an answer.
            self.visit()
            self.receive(client, silent=0.02, quiet=0.02)
        violations = self.violations() + (attack.check(self) if attack.check else [])
        return Outcome(self.cell(attack), list(dict.fromkeys(violations)))

    def connect(self):
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client

    def send(self, client, data):
        try:
            client.sendall(data)
        except OSError:
            self.is_closed = True

    def receive(self, client, silent=SILENT, quiet=QUIET):
        """Reads until there is an answer that is not interim, and nothing more comes."""
        start = len(self.received)
        client.settimeout(silent)
        try:
            while not self.is_closed:
                data = client.recv(65536)
                self.is_closed = not data
                self.received += data
                if FINAL.search(self.received, start):
                    client.settimeout(quiet)
        except TimeoutError:
            pass
        except OSError:
            self.is_closed = True

    def visit(self):
        """Somebody else's request, behind the attack."""
        with self.connect() as victim:
            victim.sendall(VICTIM)
            try:
                while data := victim.recv(65536):
                    self.victim += data
            except OSError:
                pass

    def new_log_lines(self):
        added = [text[start:] for text, start in zip(self.log(), self._log_starts)]
        return [line for text in added for line in text.split(b"\n")[:-1]]

    # What the backend got

    def messages(self):
        """All but the victim's."""
        return [message for message in self._all() if message.target != "/victim"]

    def forwarded(self):
        return [message for message in self.messages() if message.complete]

    def _all(self):
        streams = [bytes(stream) for stream in list(self.recorder.streams)]
        return [message for stream in streams for message in strict_reader.messages(stream)]

    def violations(self):
        found = []
        for message in self._all():
            if message.problem:
                found.append(message.problem)
            elif message.complete:
                found += _violations(message)
        target = re.search(rb"\r\nX-Target: ([^\r]*)", self.victim, re.I)
        if not self.victim.startswith(b"HTTP/1.1 200") or not target or target[1] != b"/victim":
            # A front door that gives up on a broken backend connection harms nobody.
            if target:
                found.append("somebody else gets the answer")
        return found

    # What the client got

    def statuses(self):
        """Of the final answers."""
        found = [int(status) for status in FINAL.findall(self.received)]
        return [status for status in found if status != 101]

    def cell(self, attack):
        refused = [status for status in self.statuses() if status >= 400]
        forwarded = self.forwarded() or [m for m in self.messages() if m.problem]
        if forwarded:
            word = (attack.seen or _kept)(attack, forwarded[0])
            if refused:
                word += f", then {refused[0]}"
            elif len(self.forwarded()) > 1:
                word += ", and another"
            return word
        statuses = self.statuses()
        if statuses:
            return str(statuses[0]) if refused else "answered early"
        return "closed" if self.is_closed else "waits"


def _kept(attack, message):
    line = attack.requests.lstrip(b"\r\n").split(b"\r\n")[0].split(b" ")
    sent = line[1].decode("latin-1") if len(line) > 1 else message.target
    return "forwarded" if message.target in (sent, "") else "normalised"


def names(fields):
    """As CGI and what descends from it read them."""
    return [name.lower().replace("_", "-") for name, _ in fields]


def _violations(message):
    """Of a request with one reading: whether the policy forbids it as some backend takes it."""
    found = []
    path, host = message.target.partition("?")[0], message.value("Host")
    absolute = re.match(r"https?://([^/?]*)(.*)", message.target, re.I)
    if absolute:
        host, path = absolute[1], absolute[2].partition("?")[0]
    for method in _methods(message):
        if method not in allowed(path, host):
            found.append(f"{method} reaches {'a closed host' if is_closed(host) else path}")
    for name, value in message.fields:
        name = name.lower().replace("_", "-")
        if name in PATH_OVERRIDES:
            found.append("a field that overrides the path")
        if name == "proxy":
            found.append("Proxy")
        if name == "upgrade" and "h2c" in value.lower():
            found.append("Upgrade: h2c")
        if name in ("x-forwarded-host", "x-host") and is_closed(value):
            found.append("a forged host")
        if name in ("x-forwarded-for", "x-real-ip", "forwarded") and "6.6.6.6" in value:
            found.append("a forged address")
    return found


def _methods(message):
    """The request's method, and those by which frameworks replace it."""
    found = [message.method]
    for name, value in message.fields + message.trailers:
        if name.lower().replace("_", "-") in OVERRIDES:
            found.append(value.strip().upper())
    if message.method == "POST":
        found += parameters.methods(
            message.target.partition("?")[2],
            message.value("Content-Type").lower(),
            message.value("Content-Encoding").lower(),
            message.content,
        )
    return found


def is_closed(host):
    host = urllib.parse.unquote(host).lower()
    return ("." + re.sub(r":\d*$", "", host).rstrip(".")).endswith(".closed.example")


def allowed(path, host):
    if path == "/smuggled":
        return set()
    if is_closed(host) or re.match(r"/(admin|tasks)(/|$)", path):
        return READ
    return READ | {"POST"}
