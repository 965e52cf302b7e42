"""Ordinary requests beside whoever means harm, and what they and the gate's memory notice of it."""

import socket
import threading
import time


class CutShort(ConnectionError):
    """The connection ended behind an answer's head: no other status could be told any more."""


class Client:
    """One connection, kept; each request has a number that its answer must repeat."""

    def __init__(self, port, timeout=20):
        self._port = port
        self._timeout = timeout
        self._socket = None
        self._buffer = b""

    def close(self):
        if self._socket:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def ask(self, number, method="GET"):
        """The status, or `wrong` where the answer is another request's."""
        if not self._socket:
            address = ("127.0.0.1", self._port)
            self._socket = socket.create_connection(address, timeout=self._timeout)
        length = "Content-Length: 0\r\n" if method == "POST" else ""
        head = f"{method} /{number} HTTP/1.1\r\nHost: a.example\r\nX-Id: {number}\r\n{length}\r\n"
        self._socket.sendall(head.encode())
        status, fields, content = self._answer()
        if fields.get("connection") == "close":
            self.close()
        if status == 200 and content != str(number).encode():
            return "wrong"
        return status

    def _answer(self):
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip().lower()
        length = int(fields.get("content-length", 0))
        while len(self._buffer) < length:
            try:
                self._fill()
            except ConnectionError as error:
                raise CutShort(f"{error}, behind the head") from error
        content, self._buffer = self._buffer[:length], self._buffer[length:]
        return int(lines[0].split(" ")[1]), fields, content

    def _fill(self):
        piece = self._socket.recv(65536)
        if not piece:
            raise ConnectionError("ended within an answer")
        self._buffer += piece


class Ordinary(threading.Thread):
    """Asks again and again, every second time on a connection of its own."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self._client = Client(port)
        self._ended = threading.Event()
        self.times = []
        self.faults = []
        self.start()

    def run(self):
        number = 0
        while not self._ended.is_set():
            number += 1
            if number % 2:
                self._client.close()
            start = time.monotonic()
            try:
                status = self._client.ask(number)
            except (OSError, ValueError) as error:
                status = repr(error)
                self._client.close()
            self.times.append(time.monotonic() - start)
            if status != 200:
                self.faults.append(status)
            time.sleep(0.01)
        self._client.close()

    def finish(self):
        self._ended.set()
        self.join()
        return self


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def memory(process):
    """Bytes of its own that a process has in memory."""
    with open(f"/proc/{process.pid}/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0
