"""Frames of HTTP/2 as an attacker writes them: nothing is checked, and nothing is waited for."""

import collections
import select
import socket
import ssl
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
CONTINUATION = 9

END_STREAM = ACK = 1
END_HEADERS = 4
PADDED = 8

# Of RFC 9113 §7.
NAMES = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
]


def frame(kind, stream=0, payload=b"", flags=0, length=None):
    """One frame (RFC 9113 §4.1); `length` where it lies about its payload."""
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + struct.pack("!BBI", kind, flags, stream) + payload


def number(value, bits, first=0):
    """An integer with a prefix of that many bits (RFC 7541 §5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    out = [first | most]
    value -= most
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + [value])


def field(name, value, first=0):
    """A line as a literal (RFC 7541 §6.2); `first` 0x40 keeps it in the table."""
    name, value = name.encode("latin-1"), value.encode("latin-1")
    return bytes([first]) + number(len(name), 7) + name + number(len(value), 7) + value


def fields(method="GET", path="/", *more):
    """The section of a request, with other lines behind the pseudo-fields."""
    lines = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "a.example")]
    return b"".join(field(name, value) for name, value in lines + list(more))


def headers(stream, block, flags=END_HEADERS | END_STREAM):
    return frame(HEADERS, stream, block, flags)


def reset(stream, code=8):
    return frame(RST_STREAM, stream, struct.pack("!I", code))


def window(stream, size):
    return frame(WINDOW_UPDATE, stream, struct.pack("!I", size))


def settings(*entries):
    return frame(SETTINGS, 0, b"".join(struct.pack("!HI", *entry) for entry in entries))


NOTHING_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def _context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class Link:
    """One connection of an attacker, who reads what comes unless he is told not to; by TLS where he
    is told to."""

    def __init__(self, port, entries=(), reads=True, by_tls=False):
        self.reads = reads
        # An acknowledgement of SETTINGS amid a field section is an error of its own.
        self.acknowledges = True
        self.resets = collections.Counter()
        # Streams that the gate has ended, and the bytes of content that it lets come besides those
        # of the first windows.
        self.done = set()
        self.room = 65535
        self.sent = 0
        self.code = None
        self.is_over = False
        self._buffer = b""
        self._stream = -1
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        if by_tls:
            self._socket = _context().wrap_socket(self._socket)
        self._socket.setblocking(False)
        self._out = PREFACE + settings(*entries)

    def close(self):
        self._socket.close()

    def stream(self):
        """The number of another stream."""
        self._stream += 2
        return self._stream

    def ending(self):
        if self.code is not None:
            return NAMES[self.code] if self.code < len(NAMES) else str(self.code)
        return "no GOAWAY" if self.is_over else "open"

    def send(self, data, end):
        """Sends all of it, or waits a little where that is nothing; False once it is over."""
        self._out += data
        pause = time.monotonic() + 0.02
        while not self.is_over and time.monotonic() < end:
            if not self._out and (data or time.monotonic() > pause):
                return True
            writers = [self._socket] if self._out else []
            readers = [self._socket] if self.reads else []
            ready = select.select(readers, writers, [], 0.02)
            self._step(bool(ready[0]), bool(ready[1]))
        return False

    def _step(self, can_read, can_write):
        if can_write and not self.is_over:
            try:
                count = self._socket.send(self._out[: 1 << 18])
                self.sent += count
                self._out = self._out[count:]
            except NOTHING_NOW:
                pass
            except OSError:
                # What came before the reset can still be read.
                self.is_over = can_read = True
        if can_read:
            self._read()

    def _read(self):
        was_over = self.is_over
        try:
            while data := self._socket.recv(1 << 18):
                self._take(data)
                if not was_over and not self._holds_more():
                    return
            self.is_over = True
        except NOTHING_NOW:
            pass
        except OSError:
            self.is_over = True

    def _holds_more(self):
        """What TLS has decrypted already: select() knows nothing of it."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _take(self, data):
        self._buffer += data
        start = 0
        while len(self._buffer) - start >= 9:
            size = int.from_bytes(self._buffer[start : start + 3], "big")
            if len(self._buffer) - start < 9 + size:
                break
            kind, flags, stream = struct.unpack("!BBI", self._buffer[start + 3 : start + 9])
            self._frame(kind, flags, stream, self._buffer[start + 9 : start + 9 + size])
            start += 9 + size
        self._buffer = self._buffer[start:]

    def _frame(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK and self.acknowledges:
            self._out += frame(SETTINGS, flags=ACK)
        elif kind == RST_STREAM:
            self.done.add(stream)
            self.resets[struct.unpack("!I", payload)[0]] += 1
        elif kind in (HEADERS, DATA) and flags & END_STREAM:
            self.done.add(stream)
        elif kind == WINDOW_UPDATE and stream:
            self.room += struct.unpack("!I", payload)[0]
        elif kind == GOAWAY:
            self.code = struct.unpack("!I", payload[4:8])[0]
