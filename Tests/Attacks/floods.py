#!/usr/bin/env python3
"""Floods of HTTP/2 against the gate, one after another, and what ordinary requests notice of them.

Prints a table, and fails where memory, an ordinary request or the end of a connection is not as it
should be. README.md in this folder says more.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import json
import os
import statistics
import subprocess
import sys
import threading
import time

from families import floods
from harness import frames, ordinary, processes
from harness.ordinary import milliseconds

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, "backends", "counting_server.py")
# One worker: whoever is ordinary has the one that is flooded. Floods have a backend of their own,
# so that what is measured is the gate.
CONFIG = """
listen:
  - {address: "127.0.0.1:@PORT@", h2c: true}
@TLS@
backends: {app: "http://127.0.0.1:@APP@", flooded: "http://127.0.0.1:@FLOODED@"}
defaults: {methods: [GET, POST], backend: app}
rules:
  /flood: {methods: [GET, POST], backend: flooded}
  /big: {methods: [GET], backend: flooded}
log: {blocks: {to: "file @DIR@/blocks-@PORT@.jsonl"}}
workers: 1
"""
# The work of an attacker and of what he floods is none that a gate elsewhere would notice.
NICE = ["chrt", "-o", "0", "nice", "-n", "19"]
# Between the end of a flood's connection and its next one.
PAUSE = 0.05
# For the first connection's end, in seconds.
PATIENCE = 30


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gate", help="the methodgate binary")
    parser.add_argument("--seconds", type=float, default=120, help="for each flood")
    parser.add_argument("--jobs", type=int, default=1, help="floods at a time, each of its own gate")
    parser.add_argument("--only", help="floods whose name contains this")
    parser.add_argument("--tls", action="store_true", help="flood by TLS; ordinary requests do not")
    parser.add_argument(
        "--ahead",
        action="store_true",
        help="the gate, ordinary requests and their backend go before all else; needs root",
    )
    parser.add_argument("--short", action="store_true", help="half a second each; no look at times")
    parser.add_argument("--play", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    return parser.parse_args()


# The attacker, in a process of its own.


def play(flood, port, seconds, by_tls):
    """Floods for so long, again on another connection where one has ended."""
    end = time.monotonic() + seconds
    endings = collections.Counter()
    resets = collections.Counter()
    sent = 0
    lives = []
    while time.monotonic() < end or not lives:
        start = time.monotonic()
        # The first connection that has to end may take as long as a busy machine needs for it.
        limit = end if lives or "open" in flood.ends else max(end, start + PATIENCE)
        link = frames.Link(port, flood.settings, flood.reads, by_tls)
        for data in flood.play(link):
            if not link.send(data, limit):
                break
        lives.append(time.monotonic() - start)
        endings[link.ending()] += 1
        resets += link.resets
        sent += link.sent
        link.close()
        time.sleep(PAUSE)
    # What was running when the time was over says nothing, unless it is all there was.
    if len(lives) > 1 and endings["open"]:
        endings["open"] -= 1
        lives.pop()
    print(json.dumps({"endings": +endings, "resets": resets, "sent": sent, "lives": lives}))


# The measurement.


def make_certificate(folder):
    """`cert.pem`, with its key."""
    path = os.path.join(folder, "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=a.example"]
    command += ["-addext", "subjectAltName=DNS:a.example", "-keyout", path + ".key", "-out", path]
    subprocess.run(command, check=True, capture_output=True)
    with open(path, "a") as file, open(path + ".key") as key:
        file.write(key.read())


def slowest(times):
    """What all but one of a hundred took at most."""
    return sorted(times)[len(times) * 99 // 100]


class Run:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.ports = processes.Ports()
        self.faults = []
        self.lock = threading.Lock()

    def backend(self, stack, nice=()):
        port = self.ports.take()
        command = [*nice, sys.executable, SERVER, str(port)]
        stack.enter_context(processes.running("backend", command, port, self.folder))
        return port

    def gate(self, stack):
        """The port of ordinary requests, that of the flood, and the process."""
        text = CONFIG.replace("@APP@", str(self.backend(stack)))
        port = self.ports.take()
        text = text.replace("@FLOODED@", str(self.backend(stack, NICE))).replace("@PORT@", str(port))
        flooded = port
        listener = ""
        if self.options.tls:
            flooded = self.ports.take()
            listener = f'  - {{address: "127.0.0.1:{flooded}", tls: {{certificate: cert.pem}}}}'
        text = text.replace("@TLS@", listener)
        path = os.path.join(self.folder, f"{port}.yaml")
        with open(path, "w") as file:
            file.write(text.replace("@DIR@", self.folder))
        command = [self.options.gate, "run", "-c", path]
        process = stack.enter_context(processes.running("gate", command, port, self.folder))
        return port, flooded, process

    def quiet(self, port):
        client = ordinary.Ordinary(port)
        time.sleep(0.3 if self.options.short else min(10, self.options.seconds))
        return client.finish()

    def measure(self, flood):
        with contextlib.ExitStack() as stack:
            port, flooded, process = self.gate(stack)
            before = self.quiet(port)
            memory = peak = ordinary.memory(process)
            clients = ordinary.Ordinary(port)
            attacker = self.attack(flood, flooded)
            while attacker.poll() is None:
                peak = max(peak, ordinary.memory(process))
                time.sleep(0.1)
            clients.finish()
            told, errors = attacker.communicate()
            after = self.quiet(port)
            has_ended = process.poll() is not None
        if attacker.returncode:
            return self.report(flood, [], [f"the attacker failed: {errors[-500:]}"])
        told = json.loads(told)
        quiet = before.times + after.times
        median = statistics.median(quiet), statistics.median(clients.times)
        slow = slowest(quiet), slowest(clients.times)
        grown = (peak - memory) / (1 << 20)
        faults = [f"an ordinary request: {fault}" for fault in clients.faults + after.faults]
        faults += [f"ended by {end}" for end in told["endings"] if end not in flood.ends]
        if grown > flood.memory:
            faults.append(f"{grown:.1f} MiB of memory")
        if not self.options.short and median[1] > 2 * median[0]:
            faults.append(f"latency {median[1] / median[0]:.1f} times the quiet one")
        if has_ended:
            faults.append("the gate has ended")
        cells = [
            f"{grown:.1f} MiB",
            " → ".join(milliseconds(time) for time in median),
            " → ".join(milliseconds(time) for time in slow),
            ", ".join(f"{end} {count}×" for end, count in told["endings"].items()),
            f"{statistics.median(told['lives']):.3f} s",
            f"{told['sent'] / 1e6:.1f} MB",
        ]
        self.report(flood, cells, faults)

    def attack(self, flood, port):
        seconds = 0.5 if self.options.short else self.options.seconds
        command = [sys.executable, "-B", os.path.abspath(__file__), "--play", flood.name]
        if self.options.tls:
            command.append("--tls")
        return subprocess.Popen(
            NICE + command + ["--port", str(port), "--seconds", str(seconds)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def report(self, flood, cells, faults):
        with self.lock:
            self.faults += faults
            print(f"| {flood.name} | {' | '.join(cells)} |", flush=True)
            for fault in faults[:5]:
                print(f"  FAULT {flood.name}: {fault}", flush=True)

    def run(self):
        print("| flood | memory | median of ordinary requests, quiet → flooded | 99 %, likewise | ends, connections | a connection lasts | sent |")
        print("|---|---|---|---|---|---|---|")
        chosen = [flood for flood in floods.ALL if (self.options.only or "") in flood.name]
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            for done in [pool.submit(self.measure, flood) for flood in chosen]:
                done.result()


def main():
    options = arguments()
    if options.play:
        flood = next(flood for flood in floods.ALL if flood.name == options.play)
        return play(flood, options.port, options.seconds, options.tls)
    if not options.gate:
        sys.exit("floods.py: --gate is missing")
    options.gate = os.path.abspath(options.gate)
    processes.end_in_order()
    if options.ahead:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    with processes.folder() as folder:
        if options.tls:
            make_certificate(folder)
        run = Run(options, folder)
        run.run()
    sys.exit(1 if run.faults else 0)


main()
