#!/usr/bin/env python3
"""Slow, idle and hostile parties against the gate, and what ordinary requests notice of them.

Prints a table, and fails where an ordinary request got no answer, a wrong one, or one too late.
README.md in this folder says more.
"""

import argparse
import contextlib
import os
import re
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from harness import processes
from harness.ordinary import Client, Ordinary, memory, milliseconds

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, "backends", "counting_server.py")
CONFIG = """
listen: [{address: "127.0.0.1:@PORT@"}]
backends: {app: "http://127.0.0.1:@BACKEND@", downloads: "http://127.0.0.1:@DOWNLOADS@"}
defaults: {methods: [GET, POST], backend: app}
rules: {/big: {methods: [GET], backend: downloads}}
log: {blocks: {to: "file @DIR@/blocks-@PORT@.jsonl"}}
"""


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gate", required=True, help="the methodgate binary")
    parser.add_argument("--short", action="store_true", help="few connections, seconds only")
    parser.add_argument("--only", help="rows whose name contains this")
    return parser.parse_args()


class Run:
    def __init__(self, options, folder, stack):
        self.options = options
        self.folder = folder
        self.ports = processes.Ports()
        self.stack = stack
        self.rows = []
        self.faults = []

    def row(self, name, text, faults):
        self.rows.append((name, text))
        self.faults += [f"{name}: {fault}" for fault in faults]
        print(f"| {name} | {text} |", flush=True)
        for fault in faults[:5]:
            print(f"  FAULT {fault}", flush=True)

    def backend(self, port, stack=None):
        command = [sys.executable, SERVER, str(port)]
        running = processes.running("backend", command, port, self.folder)
        return (stack or self.stack).enter_context(running)

    def gate(self, backend, stack, descriptors=None):
        port = self.ports.take()
        text = CONFIG.replace("@PORT@", str(port)).replace("@BACKEND@", str(backend))
        text = text.replace("@DOWNLOADS@", str(self.downloads_port))
        path = os.path.join(self.folder, f"{port}.yaml")
        with open(path, "w") as file:
            file.write(text.replace("@DIR@", self.folder))
        command = [self.options.gate, "run", "-c", path]
        if descriptors:
            command = ["/bin/sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"] + command
        process = stack.enter_context(processes.running("gate", command, port, self.folder))
        return port, process

    # Rows

    def slow_clients(self, name, more):
        """slowhttptest against a fresh gate, beside ordinary requests."""
        count, seconds = (100, 5) if self.options.short else (1000, 30)
        with contextlib.ExitStack() as stack:
            port, process = self.gate(self.backend_port, stack)
            before = memory(process)
            ordinary = Ordinary(port)
            command = ["slowhttptest", "-c", str(count), "-r", str(count), "-l", str(seconds), "-p", "5"]
            url = f"http://127.0.0.1:{port}{'/big' if '-X' in more else '/slow'}"
            result = subprocess.run(
                command + more + ["-u", url], capture_output=True, text=True, check=False
            )
            peak = memory(process) - before
            said = re.sub(r"\x1b\[[0-9;]*m", "", result.stdout)
            attackers = max(map(int, re.findall(r"connected:\s*(\d+)", said)), default=0)
            ordinary.finish()
        faults = [f"an ordinary request: {fault}" for fault in ordinary.faults]
        if result.returncode:
            faults.append(f"slowhttptest ended with {result.returncode}: {result.stderr[-300:]}")
        if attackers < count / 2 and not self.options.short:
            faults.append(f"no more than {attackers} slow connections were open at once")
        if not ordinary.times:
            faults.append("no ordinary request was made")
        self.row(
            f"{name}, {count} connections for {seconds} s, up to {attackers} at once",
            f"{len(ordinary.times) - len(ordinary.faults)} of {len(ordinary.times)} ordinary "
            f"requests answered, median {milliseconds(statistics.median(ordinary.times))}, "
            f"longest {milliseconds(max(ordinary.times))}; memory +{peak >> 20} MiB",
            faults,
        )

    def idle(self):
        count = 500 if self.options.short else 9000
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2
        )
        with contextlib.ExitStack() as stack:
            port, process = self.gate(self.backend_port, stack)
            before = memory(process)
            clients = [Client(port) for _ in range(count)]
            faults = []
            for number, client in enumerate(clients):
                faults += self.check(client, number)
            each = (memory(process) - before) / count
            # All are open now, and all are served.
            for number, client in enumerate(clients):
                faults += self.check(client, number + count)
            for client in clients:
                client.close()
        self.row(
            f"{count} idle connections",
            f"{2 * count - len(faults)} of {2 * count} requests on them answered; "
            f"{each:.0f} bytes of memory each",
            faults,
        )

    @staticmethod
    def check(client, number):
        try:
            status = client.ask(number)
        except (OSError, ValueError) as error:
            status = repr(error)
        return [] if status == 200 else [f"request {number}: {status}"]

    def descriptors(self):
        """200 clients with a request each; a few are served, and then all leave."""
        with contextlib.ExitStack() as stack:
            port, process = self.gate(self.backend_port, stack, descriptors=64)
            sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
            for client in sockets:
                client.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
            time.sleep(1)
            for client in sockets:
                client.close()
            start = time.monotonic()
            faults = self.check(Client(port), 1)
            recovery = time.monotonic() - start
            if process.poll() is not None:
                faults.append("the gate has ended")
            if recovery > 1 and not self.options.short:
                faults.append(f"recovery took {recovery:.2f} s")
        self.row(
            "200 connections, 64 descriptors", f"first answer after {milliseconds(recovery)}", faults
        )

    def outage(self):
        """The backend is killed under load, and comes back after two seconds."""
        pause = 0.5 if self.options.short else 2
        count = 4 if self.options.short else 16
        port = self.ports.take()
        with contextlib.ExitStack() as stack:
            first = self.backend(port, stack)
            front, _ = self.gate(port, stack)
            loads = [Load(front, index) for index in range(count)]
            time.sleep(1)
            first.kill()
            first.wait()
            killed = time.monotonic()
            time.sleep(pause)
            command = [sys.executable, SERVER, str(port)]
            back = stack.enter_context(
                processes.running("backend", command, port, self.folder, pause=0.001)
            )
            returned = time.monotonic()
            time.sleep(1)
            for load in loads:
                load.stop()
            back.poll()
        answers = [answer for load in loads for answer in load.answers]
        # The backend sends head and content one after the other: killed in between, it leaves an
        # answer that can only be cut short.
        answers = [
            a
            for a in answers
            if not (str(a.status).startswith("CutShort") and a.start < killed < a.end + 0.1)
        ]
        during = [a for a in answers if a.start > killed and a.end < returned]
        after = [a for a in answers if a.start > returned]
        success = min((a.end for a in answers if a.end > returned and a.status == 200), default=None)
        faults = [f"{a.status} in the outage" for a in answers if a.status not in (200, 502, 504)]
        faults += [f"{a.status} before it" for a in answers if a.end < killed - 0.1 and a.status != 200]
        faults += [f"{a.status} after it" for a in after if a.status != 200]
        if success is None:
            faults.append("no success after the outage")
            success = returned
        elif success - returned > 0.05 and not self.options.short:
            faults.append(f"first success after {milliseconds(success - returned)}")
        self.row(
            f"backend killed for {pause} s under load",
            f"{len(answers)} requests, {sum(a.status == 'wrong' for a in answers)} wrong; in the "
            f"outage {sum(a.status in (502, 504) for a in during)} times 502 or 504; first success "
            f"{milliseconds(success - returned)} after its return",
            faults,
        )

    def run(self):
        self.backend_port = self.ports.take()
        self.backend(self.backend_port)
        # Of its own, so that what it costs to fill the readers' buffers is not what is measured.
        self.downloads_port = self.ports.take()
        self.backend(self.downloads_port)
        rows = [
            ("slow heads", lambda: self.slow_clients("slow heads", ["-H", "-i", "2", "-x", "24"])),
            ("slow content", lambda: self.slow_clients("slow content", ["-B", "-i", "2", "-s", "8192"])),
            (
                "slow readers",
                lambda: self.slow_clients(
                    "slow readers", ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"]
                ),
            ),
            ("idle", self.idle),
            ("descriptors", self.descriptors),
            ("outage", self.outage),
        ]
        print("| party | ordinary requests |\n|---|---|")
        for name, measure in rows:
            if not self.options.only or self.options.only in name:
                measure()


class Answer:
    def __init__(self, start, end, status):
        self.start, self.end, self.status = start, end, status


class Load(threading.Thread):
    """Requests one after another, a third of them POST."""

    def __init__(self, port, index):
        super().__init__(daemon=True)
        self._client = Client(port)
        self._index = index
        self._ended = threading.Event()
        self.answers = []
        self.start()

    def run(self):
        number = self._index
        while not self._ended.is_set():
            number += 1000
            start = time.monotonic()
            try:
                status = self._client.ask(number, "POST" if number // 1000 % 3 == 0 else "GET")
            except (OSError, ValueError) as error:
                status = repr(error)
                self._client.close()
            self.answers.append(Answer(start, time.monotonic(), status))
        self._client.close()

    def stop(self):
        self._ended.set()
        self.join()


def main():
    options = arguments()
    # It is started in another folder.
    options.gate = os.path.abspath(options.gate)
    processes.end_in_order()
    if not processes.find("slowhttptest"):
        sys.exit("slow.py: slowhttptest is not installed")
    folder = processes.folder()
    with folder, contextlib.ExitStack() as stack:
        run = Run(options, folder.name, stack)
        run.run()
    sys.exit(1 if run.faults else 0)


main()
