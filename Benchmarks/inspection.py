#!/usr/bin/env python3
"""Measures what it costs the gate to look for overrides in uploads.

Sends the same upload to a path with `override: check` and to one with `override: ignore`, in
turns, and prints the gate's CPU for a GiB of each. Everything runs on this machine, on loopback.
With --instructions it counts, by callgrind, what the gate's own code executes besides: a busy
machine does not matter then, but the kernel's work, which is most of forwarding, does not show.
"""

import argparse
import os
import random
import socket
import statistics
import sys
import tempfile
import threading

from harness.processes import HarnessError, Server, free_port

GIB = 1 << 30
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW9"
BLOCK = 1 << 20


def binary(size):
    return random.Random(1).randbytes(size)


def text(size):
    """Lines as of a log."""
    source = random.Random(2)
    words = ["GET", "/index.html", "--", "200", "-", "error:", "the", "backend", "_method", "12.5"]
    lines = "".join(
        f"2026-11-21T10:00:00 {' '.join(source.choices(words, k=12))}\r\n" for _ in range(2000)
    )
    return (lines * (size // len(lines) + 1)).encode()[:size]


def dashes(size):
    return b"-" * size


def json_records(size):
    source = random.Random(3)
    records = ",".join(
        '{"id":%d,"name":"%s","tags":["a","b"],"price":%.2f}'
        % (source.randrange(10**6), source.randbytes(12).hex(), source.random())
        for _ in range(4000)
    )
    return (records + ",") .encode()[:size]


def pairs(size):
    source = random.Random(4)
    data = "&".join(
        f"field{source.randrange(100)}={source.randbytes(30).hex()}%20x+y" for _ in range(20000)
    )
    return (data + "&").encode()[:size]


def multipart(block):
    head = (
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nphoto\r\n"
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n"
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return (f"multipart/form-data; boundary={BOUNDARY}", head, block, f"\r\n--{BOUNDARY}--\r\n".encode())


CASES = {
    "multipart, binary": lambda: multipart(binary(BLOCK)),
    "multipart, text": lambda: multipart(text(BLOCK)),
    "multipart, dashes": lambda: multipart(dashes(BLOCK)),
    "urlencoded": lambda: ("application/x-www-form-urlencoded", b"", pairs(BLOCK), b"a=b"),
    "JSON": lambda: ("application/json", b'{"items":[', json_records(BLOCK), b"1]}"),
}

# What must keep to the limit: uploads as people send them. Dashes are made to look like the beginning
# of a delimiter everywhere; names and values of forms and JSON are small.
HELD = ["multipart, binary", "multipart, text"]


def serve(listener):
    """A backend that reads a request and answers it, as cheaply as may be."""
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def answer(connection):
    store = bytearray(BLOCK)
    with connection:
        while True:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            fields, _, rest = head.partition(b"\r\n\r\n")
            length = 0
            for line in fields.split(b"\r\n"):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            left = length - len(rest)
            while left > 0:
                count = connection.recv_into(store, min(left, BLOCK))
                if not count:
                    return
                left -= count
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


def upload(port, path, case, blocks):
    """Sends one upload and waits for its answer; returns its length."""
    kind, head, block, tail = case
    length = len(head) + blocks * len(block) + len(tail)
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(
            f"POST {path} HTTP/1.1\r\nHost: bench.example\r\nContent-Type: {kind}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode() + head
        )
        for _ in range(blocks):
            client.sendall(block)
        client.sendall(tail)
        status = client.recv(65536).split(b" ")[1]
    if status != b"200":
        raise HarnessError(f"{path}: status {status.decode()}")
    return length


def measure(gate, path, case, blocks):
    """The gate's CPU for a GiB, in ms."""
    before = gate.cpu()[0]
    length = upload(gate.port, path, case, blocks)
    return (gate.cpu()[0] - before) / 1e6 * GIB / length


def instructions(options, folder, configuration, port, path, case):
    """What the gate executes for an upload, its start and end included; and the upload's length."""
    out = os.path.join(folder, "callgrind.out")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
    command += [options.gate, "run", "-c", configuration]
    log = os.path.join(folder, "valgrind.log")
    with Server("methodgate", command, port, options.gate_core, log) as gate:
        gate.wait_until_ready()
        length = upload(port, path, case, options.instructions)
    with open(out) as file:
        totals = [line.split()[1] for line in file if line.startswith(("totals:", "summary:"))]
    return int(totals[0]), length


def count(options, folder, configuration, port):
    print("| content | ignore, instructions a byte | check | inspecting |\n|---|---|---|---|")
    for name in options.only or CASES:
        case = CASES[name]()
        found = {}
        for path in ("/ignore", "/check"):
            most, length = instructions(options, folder, configuration, port, path, case)
            none, _ = instructions(options, folder, configuration, port, path, (*case[:2], b"", b""))
            found[path] = (most - none) / length
        ignore, check = found["/ignore"], found["/check"]
        print(f"| {name} | {ignore:.3f} | {check:.3f} | {check - ignore:.3f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gate", default="methodgate", help="the methodgate binary")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mib", type=int, default=1024, help="of one upload (default 1024)")
    parser.add_argument("--only", choices=CASES, action="append", help="may be given repeatedly")
    parser.add_argument(
        "--instructions", type=int, metavar="MIB", help="count them, in uploads of so many MiB"
    )
    parser.add_argument(
        "--at-most", type=float, help=f"exit 1 where the median of one is above: {', '.join(HELD)}"
    )
    parser.add_argument("--gate-core", type=int, default=1)
    parser.add_argument("--load-core", type=int, default=0)
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.load_core})
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        return run(options, folder, listener.getsockname()[1])


def run(options, folder, backend):
    port = free_port()
    configuration = os.path.join(folder, "gate.yaml")
    with open(configuration, "w") as file:
        file.write(
            f"listen:\n  - address: 127.0.0.1:{port}\nbackends:\n  app: http://127.0.0.1:{backend}\n"
            "workers: 1\ndefaults:\n  methods: [GET]\nrules:\n"
            "  /check: {methods: [POST], override: check}\n"
            "  /ignore: {methods: [POST], override: ignore}\n"
        )
    if options.instructions:
        return count(options, folder, configuration, port)
    dear = []
    log = os.path.join(folder, "gate.log")
    command = [options.gate, "run", "-c", configuration]
    with Server("methodgate", command, port, options.gate_core, log) as gate:
        gate.wait_until_ready()
        print("| content | ignore, ms/GiB | check, ms/GiB | check / ignore |\n|---|---|---|---|")
        for name in options.only or CASES:
            case = CASES[name]()
            pairs = []
            for number in range(options.rounds + 1):
                paths = ["/ignore", "/check"] if number % 2 else ["/check", "/ignore"]
                cost = {path: measure(gate, path, case, options.mib) for path in paths}
                # The first round warms up.
                if number:
                    pairs.append((cost["/ignore"], cost["/check"]))
            ratios = [check / ignore for ignore, check in pairs]
            if options.at_most and name in HELD:
                if statistics.median(ratios) > options.at_most:
                    dear.append(name)
            print(
                f"| {name} | {statistics.median(pair[0] for pair in pairs):.0f} "
                f"| {statistics.median(pair[1] for pair in pairs):.0f} "
                f"| {statistics.median(ratios):.3f} ({min(ratios):.2f}–{max(ratios):.2f}) |",
                flush=True,
            )
    if dear:
        print(f"inspecting costs too much: {', '.join(dear)}")
    return 1 if dear else 0


if __name__ == "__main__":
    sys.exit(main())
