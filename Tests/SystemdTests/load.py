#!/usr/bin/env python3
"""Load for a gate that is reloaded, restarted, upgraded and killed meanwhile, with a count of its own.

  load.py serve PORT                      the backend
  load.py run ADDRESS:PORT FOLDER [--clients N] [--crashing]
                                          clients, until FOLDER/stop exists
  load.py compare FOLDER LOG... [--crashing]
                                          what the clients counted, against the block log

The clients are of four kinds: one request after another on a connection that stays, batches of
pipelined requests, answers and contents that stream, and WebSockets. Each answer is looked at
whole. A request fails when it has no answer, half an answer or the wrong one.

One thing is no failure: a request that came after the gate had ended the connection. The client
asks its own kernel for that as soon as its bytes are sent: on the loopback interface they are at
the other socket by then, so if ours knows of no FIN, they came before it.

--crashing: the gate is killed at times. Then connections break, and only what was answered whole
counts: each 405 that a client read to its end has its record.
"""

import json
import os
import random
import socket
import struct
import sys
import threading
import time
from base64 import b64encode
from hashlib import sha1

PATIENCE = 20
ESTABLISHED = 1


class Cut(OSError):
    """A message ended before its end."""


# --- the backend ---------------------------------------------------------------------------------


def lines(connection):
    """The next message of a connection: its first line and its fields; None at its end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = connection.readline()
        if not line:
            if head:
                raise Cut("a head cut short")
            return None
        head += line
    first, *rest = head[:-4].decode("latin-1").split("\r\n")
    return first, {name.lower(): value.strip() for name, value in (r.split(":", 1) for r in rest)}


def content(connection, fields):
    """The content of a message, whatever its framing."""
    if fields.get("transfer-encoding") == "chunked":
        pieces = []
        while True:
            line = connection.readline()
            if not line.endswith(b"\n"):
                raise Cut("content cut short")
            size = int(line, 16)
            pieces.append(connection.read(size))
            if connection.readline() != b"\r\n" or len(pieces[-1]) != size:
                raise Cut("content cut short")
            if size == 0:
                return b"".join(pieces)
    size = int(fields.get("content-length", 0))
    data = connection.read(size) if size else b""
    if len(data) != size:
        raise Cut("content cut short")
    return data


def serve_one(peer):
    """Echoes: what was asked for, as an answer with a length, in chunks over time, or as frames."""
    reader = peer.makefile("rb")
    while (head := lines(reader)) is not None:
        first, fields = head
        method, target, _ = first.split(" ")
        if fields.get("upgrade"):
            return serve_frames(peer, reader, fields)
        data = content(reader, fields)
        if target.startswith("/stream/"):
            count, pause = (int(part) for part in target.split("/")[2:4])
            peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for number in range(count):
                time.sleep(pause / 1000)
                piece = b"%08d" % number * 128
                peer.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            peer.sendall(b"0\r\n\r\n")
            continue
        body = b"%b %b %d" % (method.encode(), target.encode(), len(data))
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def serve_frames(peer, reader, fields):
    accept = sha1((fields["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode())
    peer.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + b64encode(accept.digest()) + b"\r\n\r\n"
    )
    while (frame := read_frame(reader)) is not None:
        opcode, data = frame
        peer.sendall(bytes([0x80 | opcode, len(data)]) + data)
        if opcode == 8:
            return


def read_frame(reader):
    """Opcode and content of a short frame; None at the end."""
    head = reader.read(2)
    if len(head) < 2:
        return None
    size = head[1] & 0x7F
    mask = reader.read(4) if head[1] & 0x80 else bytes(4)
    data = reader.read(size)
    if len(data) != size:
        return None
    return head[0] & 15, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))


def serve(port):
    def handle(peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            serve_one(peer)
        except (OSError, ValueError):
            pass
        finally:
            peer.close()

    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    while True:
        threading.Thread(target=handle, args=(listener.accept()[0],), daemon=True).start()


# --- clients -------------------------------------------------------------------------------------


class Late(Exception):
    """The gate had ended the connection before the request was there."""


class Failure(Exception):
    """A request was not answered as it should have been."""


class Tally:
    """What all clients of one run have counted."""

    def __init__(self, folder, crashing):
        self.lock = threading.Lock()
        self.counts = {}
        self.failures = []
        self.slowest = 0.0
        self.crashing = crashing
        self.events = open(f"{folder}/events", "w")
        self.folder = folder

    def count(self, what, number=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + number

    def saw(self, event):
        """A 405 was read to its end. Written out at once: it is what the log must have."""
        with self.lock:
            self.events.write(event + "\n")

    def fail(self, kind, error):
        if self.crashing and isinstance(error, OSError):
            self.count("broken by a crash")
            return
        with self.lock:
            self.failures.append(f"{time.strftime('%H:%M:%S')} {kind}: {error!r}")

    def took(self, seconds):
        with self.lock:
            self.slowest = max(self.slowest, seconds)

    @property
    def is_over(self):
        return os.path.exists(f"{self.folder}/stop")


class Connection:
    """One connection to the gate."""

    def __init__(self, address, tally):
        self.tally = tally
        self.socket = socket.create_connection(address, timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.served = 0
        self.is_last = False

    def close(self):
        self.reader.close()
        self.socket.close()

    def send(self, data):
        """Sends a request, or as many as there are; whether they were there before any FIN."""
        self.came_first = False
        self.socket.sendall(data)
        state = self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        self.came_first = state == ESTABLISHED

    def answer(self, method, expected, body=None):
        """Reads one answer whole and looks at it."""
        begun = time.monotonic()
        try:
            head = lines(self.reader)
            if head is None:
                raise ConnectionError("closed without an answer")
        except ConnectionError as error:
            if self.served > 0 and not self.came_first:
                raise Late() from error
            raise
        first, fields = head
        if method == "HEAD":
            data = b""
        else:
            data = content(self.reader, fields)
        status = int(first.split(" ")[1])
        self.served += 1
        self.is_last = fields.get("connection") == "close"
        if status == 405 and fields.get("methodgate-event"):
            self.tally.saw(fields["methodgate-event"])
        if status != expected:
            raise Failure(f"{method}: {status} instead of {expected}: {data[:200]!r}")
        if status == 405 and "GET" not in fields.get("allow", ""):
            raise Failure(f"405 with Allow {fields.get('allow')!r}")
        if body is not None and data != body:
            raise Failure(f"{method}: content of {len(data)} bytes instead of {len(body)}")
        self.tally.count(str(status))
        self.tally.took(time.monotonic() - begun)


def request(method, target, fields="", data=b""):
    return f"{method} {target} HTTP/1.1\r\nHost: gate.example\r\n{fields}\r\n".encode() + data


def one_by_one(connection, rest):
    """Requests one after another, allowed and blocked ones, with and without content."""
    for number in range(random.randint(1, 200)):
        method = random.choice(["GET", "DELETE", "PATCH", "POST", "HEAD"])
        data = os.urandom(random.randint(0, 2000)) if method in ("POST", "PATCH") else b""
        target = f"/items/{number}"
        fields = f"Content-Length: {len(data)}\r\n" if method in ("POST", "PATCH") else ""
        connection.send(request(method, target, fields, data))
        if method in ("DELETE", "PATCH"):
            connection.answer(method, 405)
        else:
            echo = f"{method} {target} {len(data)}".encode()
            connection.answer(method, 200, None if method == "HEAD" else echo)
        if connection.is_last:
            return
        rest(0.03)


def pipelined(connection, rest):
    """Eight requests in one piece; all of them are answered, in their order."""
    for _ in range(random.randint(1, 50)):
        methods = [random.choice(["GET", "DELETE"]) for _ in range(8)]
        batch = [request(method, f"/batch/{index}") for index, method in enumerate(methods)]
        connection.send(b"".join(batch))
        for index, method in enumerate(methods):
            if method == "DELETE":
                connection.answer(method, 405)
            else:
                connection.answer(method, 200, f"GET /batch/{index} 0".encode())
        if connection.is_last:
            return
        rest(0.1)


def streaming(connection, rest):
    """Answers that take a second, and contents that do."""
    for _ in range(random.randint(1, 10)):
        if random.random() < 0.5:
            count = random.randint(5, 20)
            connection.send(request("GET", f"/stream/{count}/50"))
            expected = b"".join(b"%08d" % number * 128 for number in range(count))
            connection.answer("GET", 200, expected)
        else:
            connection.send(request("POST", "/upload", "Transfer-Encoding: chunked\r\n"))
            first = connection.came_first
            size = 0
            for _ in range(random.randint(2, 10)):
                time.sleep(0.05)
                piece = os.urandom(random.randint(1, 5000))
                size += len(piece)
                connection.socket.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
            connection.socket.sendall(b"0\r\n\r\n")
            connection.came_first = first
            connection.answer("POST", 200, f"POST /upload {size}".encode())
        if connection.is_last:
            return
        rest(0.05)


def frames(connection, rest):
    """A WebSocket that echoes for a second and is ended by its client."""
    key = b64encode(os.urandom(16)).decode()
    connection.send(
        request(
            "GET",
            "/socket",
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n",
        )
    )
    head = lines(connection.reader)
    if head is None:
        raise ConnectionError("closed without an answer")
    if " 101 " not in head[0]:
        raise Failure(f"{head[0]} instead of 101")
    for number in range(random.randint(1, 20)):
        data = b"message %d" % number
        send_frame(connection.socket, 1, data)
        if frame(connection) != (1, data):
            raise Failure("a message came back as another one")
        rest(0.05)
    send_frame(connection.socket, 8, struct.pack("!H", 1000))
    if frame(connection) != (8, struct.pack("!H", 1000)):
        raise Failure("the close came back as another one")
    connection.tally.count("WebSockets")


def frame(connection):
    """The next frame, which is owed."""
    found = read_frame(connection.reader)
    if found is None:
        raise Cut("a WebSocket cut short")
    return found


def send_frame(peer, opcode, data):
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data))
    peer.sendall(bytes([0x80 | opcode, 0x80 | len(data)]) + mask + masked)


KINDS = [one_by_one, pipelined, streaming, frames]


def run_client(kind, address, tally):
    def rest(seconds):
        time.sleep(random.uniform(0, 2 * seconds))

    while not tally.is_over:
        connection = None
        try:
            connection = Connection(address, tally)
            tally.count("connections")
            kind(connection, rest)
        except Late:
            tally.count("came after the end of the connection")
        except (OSError, Failure, ValueError) as error:
            late = connection and connection.served > 0 and not connection.came_first
            if late and isinstance(error, ConnectionError):
                tally.count("came after the end of the connection")
            else:
                tally.fail(kind.__name__, error)
                time.sleep(0.05 if tally.crashing else 0)
        finally:
            if connection:
                connection.close()


def run(address, folder, clients, crashing):
    host, port = address.rsplit(":", 1)
    tally = Tally(folder, crashing)
    threads = [
        threading.Thread(target=run_client, args=(KINDS[n % 4], (host, int(port)), tally))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.2)
        with tally.lock:
            tally.events.flush()
    tally.events.close()
    report = {
        "clients": clients,
        "counts": tally.counts,
        "slowest answer, s": round(tally.slowest, 2),
        "failed": len(tally.failures),
        "failures": tally.failures[:20],
    }
    with open(f"{folder}/report.json", "w") as file:
        json.dump(report, file, indent=1)
    return 0


# --- the comparison ------------------------------------------------------------------------------


def compare(folder, logs, crashing):
    with open(f"{folder}/report.json") as file:
        report = json.load(file)
    with open(f"{folder}/events") as file:
        seen = file.read().split()
    recorded = {}
    for path in logs:
        with open(path, "rb") as file:
            for line in file:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if record.get("event.action") == "method-blocked":
                    event = record["event.id"]
                    recorded[event] = recorded.get(event, 0) + 1
    problems = list(report["failures"])
    missing = [event for event in seen if event not in recorded]
    twice = [event for event, count in recorded.items() if count > 1]
    surplus = set(recorded) - set(seen)
    if len(set(seen)) != len(seen):
        problems.append("two answers with one event id")
    if missing:
        problems.append(f"{len(missing)} 405 without a record, {missing[0]} among them")
    if twice:
        problems.append(f"{len(twice)} 405 with two records, {twice[0]} among them")
    if surplus and not crashing:
        problems.append(f"{len(surplus)} records that no client saw, {min(surplus)} among them")
    counts = ", ".join(f"{count} {what}" for what, count in sorted(report["counts"].items()))
    print(f"     {report['clients']} clients: {counts}; slowest answer {report['slowest answer, s']} s")
    print(f"     {len(seen)} 405 seen, {len(recorded)} recorded, {report['failed']} requests failed")
    for problem in problems:
        print(f"     {problem}")
    return 1 if problems else 0


def main(arguments):
    crashing = "--crashing" in arguments
    clients = 40
    if "--clients" in arguments:
        at = arguments.index("--clients")
        clients = int(arguments[at + 1])
        del arguments[at : at + 2]
    command, *rest = [argument for argument in arguments if argument != "--crashing"]
    if command == "serve":
        return serve(int(rest[0]))
    if command == "run":
        return run(rest[0], rest[1], clients, crashing)
    if command == "compare":
        return compare(rest[0], rest[1:], crashing)
    print(__doc__, file=sys.stderr)
    return 2


sys.exit(main(sys.argv[1:]))
