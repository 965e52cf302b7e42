"""Floods of HTTP/2: what one connection sends over and over, and how that must end.

Each is a generator that gets its connection and yields bytes; nothing means a short pause. `ends`
names the codes of RFC 9113 §7 one of which its GOAWAY must have, or `open` where the connection may
go on because what it costs is bounded. `memory` is how many MiB it may cost.
"""

import dataclasses
import time
import typing

from harness import frames
from harness.frames import field, fields, frame, headers, reset, settings, window

CALM = "ENHANCE_YOUR_CALM"
FIRST = frames.END_HEADERS
WHOLE = frames.END_HEADERS | frames.END_STREAM
BATCH = 200


@dataclasses.dataclass
class Flood:
    name: str
    play: typing.Callable
    ends: tuple
    settings: tuple = ()
    reads: bool = True
    memory: int = 8


ALL = []


def flood(name, *ends, **more):
    def add(play):
        ALL.append(Flood(name, play, ends or (CALM,), **more))
        return play

    return add


def streams(link, build):
    """One batch after another of what `build` makes of a new stream."""
    while True:
        yield b"".join(build(link.stream()) for _ in range(BATCH))


def in_turn(link, build):
    """The same, no more at a time than a client may have."""
    while True:
        numbers = [link.stream() for _ in range(90)]
        yield b"".join(build(number) for number in numbers)
        while not link.done.issuperset(numbers):
            yield b""


def same(data):
    """The same bytes for ever."""
    while True:
        yield data * BATCH


def once(data):
    """Nothing behind it."""
    yield data
    while True:
        yield b""


# Requests that are taken back, or that the gate has to reset.


@flood("rapid reset")
def rapid_reset(link):
    block = fields(path="/flood")
    return streams(link, lambda number: headers(number, block) + reset(number))


@flood("rapid reset of uploads")
def rapid_reset_of_uploads(link):
    block = fields("POST", "/flood")
    return streams(
        link, lambda n: headers(n, block, FIRST) + frame(frames.DATA, n, b"a" * 64) + reset(n)
    )


@flood("rapid reset of what is rejected")
def rapid_reset_of_rejected(link):
    block = fields("DELETE", "/flood")
    return streams(link, lambda number: headers(number, block) + reset(number))


@flood("reset provoked: WINDOW_UPDATE of 0", "PROTOCOL_ERROR", CALM)
def provoked_by_zero(link):
    block = fields(path="/flood")
    return streams(link, lambda number: headers(number, block) + window(number, 0))


@flood("reset provoked: window too large")
def provoked_by_overflow(link):
    block = fields("POST", "/flood")
    return in_turn(link, lambda number: headers(number, block, FIRST) + window(number, 0x7FFFFFFF))


@flood("reset provoked: DATA behind END_STREAM", "STREAM_CLOSED", CALM)
def provoked_by_late_content(link):
    block = fields(path="/flood")
    return streams(link, lambda number: headers(number, block) + frame(frames.DATA, number, b"a"))


@flood("reset provoked: HEADERS behind END_STREAM", "STREAM_CLOSED", CALM)
def provoked_by_late_fields(link):
    block = fields(path="/flood")
    return streams(link, lambda number: headers(number, block) + headers(number, block))


@flood("reset provoked: more than Content-Length")
def provoked_by_length(link):
    block = fields("POST", "/flood", ("content-length", "0"))
    return in_turn(
        link, lambda number: headers(number, block, FIRST) + frame(frames.DATA, number, b"a")
    )


@flood("reset provoked: pseudo-field in trailers")
def provoked_by_trailers(link):
    block = fields("POST", "/flood", ("content-length", "0"))
    late = field(":path", "/")
    return in_turn(link, lambda number: headers(number, block, FIRST) + headers(number, late))


@flood("reset provoked: PRIORITY of the wrong length", "FRAME_SIZE_ERROR", CALM)
def provoked_by_short_priority(link):
    block = fields(path="/flood")
    return streams(link, lambda n: headers(n, block) + frame(frames.PRIORITY, n, b"abcd"))


@flood("reset provoked: stream depends on itself", "PROTOCOL_ERROR", CALM)
def provoked_by_own_priority(link):
    block = fields(path="/flood")
    return streams(
        link,
        lambda n: headers(n, block) + frame(frames.PRIORITY, n, n.to_bytes(4, "big") + b"\x10"),
    )


@flood("malformed requests")
def malformed(link):
    block = fields(path="/flood") + field("Upper", "a")
    return in_turn(link, lambda number: headers(number, block))


@flood("HEADERS without fields")
def empty_headers(link):
    return in_turn(link, lambda number: headers(number, b""))


@flood("trailers without end")
def endless_trailers(link):
    block = fields("POST", "/flood")
    return in_turn(link, lambda number: headers(number, block, FIRST) + headers(number, b"", FIRST))


@flood("more streams than the limit", "PROTOCOL_ERROR", CALM)
def many_streams(link):
    block = fields("POST", "/flood")
    # Until the gate's SETTINGS are acknowledged, one more is refused and no error.
    yield from [b""] * 10
    yield from streams(link, lambda number: headers(number, block, FIRST))


@flood("more streams than the limit, at once", "PROTOCOL_ERROR", CALM)
def many_streams_at_once(link):
    block = fields("POST", "/flood")
    return streams(link, lambda number: headers(number, block, FIRST))


@flood("requests that are left behind", "open")
def left_behind(link):
    block = fields("POST", "/flood")
    yield b"".join(headers(link.stream(), block, FIRST) for _ in range(90))
    # Until each has a connection to the backend.
    yield from [b""] * 5
    link.close()


# Frames that carry nothing.


@flood("CONTINUATION")
def continuation(link):
    link.acknowledges = False
    yield headers(link.stream(), fields(path="/flood"), flags=0)
    yield from same(frame(frames.CONTINUATION, 1, field("a", "b")))


@flood("CONTINUATION without fields")
def empty_continuation(link):
    link.acknowledges = False
    yield headers(link.stream(), fields(path="/flood"), flags=0)
    yield from same(frame(frames.CONTINUATION, 1))


@flood("SETTINGS")
def many_settings(link):
    return same(settings((4, 65535)))


@flood("SETTINGS without entries")
def empty_settings(link):
    return same(settings())


@flood("SETTINGS of 2,000 entries")
def long_settings(link):
    return same(settings(*[(4, 65535)] * 2000))


@flood("SETTINGS acknowledged over and over", "PROTOCOL_ERROR", CALM)
def acknowledgements(link):
    return same(frame(frames.SETTINGS, flags=frames.ACK))


@flood("PING")
def ping(link):
    return same(frame(frames.PING, payload=b"12345678"))


# Whoever reads nothing is not told why it ends either.
@flood("PING, and nothing is read", CALM, "no GOAWAY", "open", reads=False)
def ping_unread(link):
    return same(frame(frames.PING, payload=b"12345678"))


@flood("PING acknowledged over and over")
def pong(link):
    return same(frame(frames.PING, payload=b"12345678", flags=frames.ACK))


# Without a stream the connection is idle.
@flood("PING, 50 a second", "open", "NO_ERROR")
def steady_ping(link):
    while True:
        yield frame(frames.PING, payload=b"12345678")
        yield b""


@flood("DATA without content")
def empty_data(link):
    yield headers(link.stream(), fields("POST", "/flood"), FIRST)
    yield from same(frame(frames.DATA, 1))


@flood("DATA of padding alone")
def padding(link):
    yield headers(link.stream(), fields("POST", "/flood"), FIRST)
    yield from same(frame(frames.DATA, 1, b"\0", flags=frames.PADDED))


@flood("DATA for a stream that was reset", "STREAM_CLOSED", CALM)
def late_data(link):
    yield headers(link.stream(), fields("POST", "/flood"), FIRST) + reset(1)
    yield from same(frame(frames.DATA, 1, b"a"))


@flood("DATA for a stream that the gate has reset", "STREAM_CLOSED", CALM)
def ignored_data(link):
    yield headers(link.stream(), field("Upper", "a"), FIRST)
    yield from same(frame(frames.DATA, 1, b"a"))


@flood("PRIORITY")
def priority(link):
    while True:
        yield b"".join(
            frame(frames.PRIORITY, number, b"\0\0\0\0\x10") for number in range(1, 2 * BATCH, 2)
        )


@flood("WINDOW_UPDATE")
def updates(link):
    return same(window(0, 1))


@flood("RST_STREAM of a stream that is gone")
def late_resets(link):
    yield headers(link.stream(), fields(path="/flood")) + reset(1)
    yield from same(reset(1))


@flood("frames of an unknown type")
def unknown(link):
    return same(frame(0x4D, payload=b"a"))


@flood("long frames of an unknown type")
def long_unknown(link):
    while True:
        yield frame(0x4D, payload=b"a" * 16384) * 10


# Who says that he leaves, and has no stream, may find the connection closed.
@flood("GOAWAY", CALM, "no GOAWAY")
def go_away(link):
    return same(frame(frames.GOAWAY, payload=b"\0" * 8))


@flood("a frame of 16 MiB", "FRAME_SIZE_ERROR")
def giant(link):
    yield frame(frames.DATA, 1, length=0xFFFFFF)
    yield from same(b"a" * 1000)


@flood("PUSH_PROMISE", "PROTOCOL_ERROR")
def push(link):
    yield headers(link.stream(), fields(path="/flood"))
    yield from once(frame(frames.PUSH_PROMISE, 1, b"\0\0\0\2", FIRST))


# Windows.


@flood("answers whose windows stay shut", "open", settings=((4, 0),), memory=24)
def shut_windows(link):
    block = fields(path="/big")
    while True:
        yield b"".join(headers(link.stream(), block) for _ in range(100))
        done = len(link.done) + 100
        while len(link.done) < done:
            yield b""


@flood("windows that open by a byte", settings=((4, 0),), memory=24)
def narrow_windows(link):
    block = fields(path="/big")
    yield b"".join(headers(link.stream(), block) for _ in range(100))
    while True:
        yield b"".join(window(number, 1) for number in range(1, 200, 2))


@flood("initial window to and fro", settings=((4, 0),), memory=24)
def moving_windows(link):
    block = fields(path="/big")
    yield b"".join(headers(link.stream(), block) for _ in range(100))
    yield from same(settings((4, 1)) + settings((4, 0)))


@flood("a connection's window too large", "FLOW_CONTROL_ERROR")
def wide_window(link):
    return once(window(0, 0x7FFFFFFF))


@flood("an initial window too large", "FLOW_CONTROL_ERROR")
def wide_initial_window(link):
    return once(settings((4, 0x80000000)))


# Field sections.


@flood("fields that unfold to 60 MiB")
def bomb(link):
    block = fields(path="/flood") + field("x", "y" * 3900, 0x40) + b"\xbe" * 11000
    return streams(link, lambda number: headers(number, block))


@flood("fields that unfold to 900 KiB", "open", CALM)
def small_bomb(link):
    block = fields(path="/flood") + field("x", "y" * 3900, 0x40) + b"\xbe" * 230
    return in_turn(link, lambda number: headers(number, block))


@flood("table size to and fro, by SETTINGS")
def table_sizes(link):
    return same(settings((1, 0)) + settings((1, 0xFFFFFFFF)))


@flood("table size to and fro, in a section", "open", CALM, "COMPRESSION_ERROR")
def table_updates(link):
    block = (b"\x20" + frames.number(4096, 5, 0x20)) * 3000 + fields(path="/flood")
    return in_turn(link, lambda number: headers(number, block))


@flood("a section of 144 KiB", "open", CALM)
def long_section(link):
    part = field("x", "y" * 16000)
    more = [frame(frames.CONTINUATION, 0, part)] * 7 + [frame(frames.CONTINUATION, 0, part, FIRST)]

    def section(number):
        begin = headers(number, fields(path="/flood"), frames.END_STREAM)
        return begin + b"".join(
            item[:5] + number.to_bytes(4, "big") + item[9:] for item in more
        )

    return in_turn(link, section)


# Streams that do not end.


@flood("slow content on 100 streams", "open", memory=16)
def slow_content(link):
    block = fields("POST", "/flood")
    yield b"".join(headers(link.stream(), block, FIRST) for _ in range(100))
    while True:
        yield b"".join(frame(frames.DATA, number, b"a") for number in range(1, 200, 2))
        pause = time.monotonic() + 1
        while time.monotonic() < pause:
            yield b""


@flood("content byte by byte", "open")
def small_content(link):
    yield headers(link.stream(), fields("POST", "/flood"), FIRST)
    while True:
        count = min(link.room, 1000)
        link.room -= count
        yield frame(frames.DATA, 1, b"a") * count
