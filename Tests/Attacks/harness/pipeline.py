"""A client that sends many requests on one connection, and reads what each of them reached."""

import re
import socket

BATCH = 48
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
CLOSES = re.compile(rb"\r\nconnection: *close\r", re.I)
REACHED = re.compile(rb"\r\nx-reached: *admin: *([^\r]*)", re.I)


def posts(port, targets, batch=BATCH):
    """POSTs each target to `port`; yields (target, status, ideas): ideas are None where the
    handler was not reached, status is 0 where no answer came."""
    answers = exchange(port, list(map(_request, targets)), batch)
    for target, (_, status, ideas) in zip(targets, answers):
        yield target, status, ideas


def exchange(port, requests, batch=1):
    """The same for whole requests as bytes; yields (request, status, ideas)."""
    place = 0
    while place < len(requests):
        answered = 0
        for answer in _on_one_connection(port, requests[place : place + 4096], batch):
            yield (requests[place + answered], *answer)
            answered += 1
        if answered == 0:
            yield requests[place], 0, None
            answered = 1
        place += answered


def _on_one_connection(port, requests, size):
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = b""
        for start in range(0, len(requests), size):
            batch = requests[start : start + size]
            try:
                connection.sendall(b"".join(batch))
            except OSError:
                pass
            for _ in batch:
                head, data = _head(connection, data)
                if not head:
                    return
                status = int(head[9:12])
                found = LENGTH.search(head)
                if not found and status != 204:
                    yield status, _ideas(head)
                    return
                length = int(found[1]) if found else 0
                while len(data) < length:
                    more = _receive(connection)
                    if not more:
                        return
                    data += more
                data = data[length:]
                yield status, _ideas(head)
                # Some say so and close only once the client has.
                if CLOSES.search(head):
                    return


def _request(target):
    return b"POST " + target + b" HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n"


def _ideas(head):
    found = REACHED.search(head)
    return found[1].decode().strip("; ") if found else None


def _head(connection, data):
    while True:
        end = data.find(b"\r\n\r\n")
        if end >= 0:
            return data[: end + 2], data[end + 4 :]
        more = _receive(connection)
        if not more:
            return b"", b""
        data += more


def _receive(connection):
    try:
        return connection.recv(65536)
    except OSError:
        return b""
