#!/usr/bin/env python3
"""Sends spellings of blocked paths through the gate to real backends: none may reach a handler
with a method that the policy blocks there. README.md in this folder says more.
"""

import argparse
import contextlib
import os
import sys
import time

from harness import backends, fronts, pipeline, processes, targets

SHORT, LONG = 2_000, 200_000
COMPARED = 20_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gate", required=True, help="the methodgate binary")
    parser.add_argument("--count", type=int, help="targets for each backend")
    parser.add_argument("--short", action="store_true", help=f"{SHORT} targets, some seconds")
    parser.add_argument("--only", action="append", help="this backend; may be given repeatedly")
    parser.add_argument("--peers", action="store_true", help="nginx and HAProxy too, by comparison")
    parser.add_argument("--all", action="store_true", help="fail where a backend is not installed")
    parser.add_argument("--show", type=int, default=20, help="findings shown for each backend")
    parser.add_argument("--first-port", type=int, default=0, help="ports from here on (default: any)")
    return parser.parse_args()


def curl(target):
    path = target.decode("latin-1")
    return f"curl --path-as-is -X POST 'http://GATE{path}'" if path[0] == "/" else path


class Run:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.ports = processes.Ports(options.first_port)
        count = options.count or (SHORT if options.short else LONG)
        self.targets = targets.every(count)
        self.findings = 0

    def through(self, front, port, chosen, batch=pipeline.BATCH):
        """Targets that reach the handler through a front door, or directly without one."""
        with contextlib.ExitStack() as stack:
            if front:
                own = self.ports.take()
                stack.enter_context(front.running(self.folder, own, port))
                port = own
            answers = list(pipeline.posts(port, chosen, batch))
        silent = sum(status == 0 for _, status, _ in answers)
        return {target: ideas for target, _, ideas in answers if ideas}, silent

    def measure(self, backend):
        start = time.monotonic()
        gate = fronts.methodgate(os.path.abspath(self.options.gate))
        with backend.running(self.folder, self.ports.take()) as port:
            batch = pipeline.BATCH if backend.pipelines else 1
            direct, _ = self.through(None, port, self.targets, batch)
            if not direct:
                raise processes.Failure(f"{backend.name}: no target reaches the handler at all")
            found, silent = self.through(gate, port, self.targets)
            cells = [len(self.targets), len(direct), len(found)]
            if self.options.peers:
                chosen = self.targets[:: max(1, len(self.targets) // COMPARED)]
                cells += [len(chosen), sum(target in direct for target in chosen)]
                for peer in (fronts.nginx(), fronts.haproxy()):
                    cells.append(len(self.through(peer, port, chosen)[0]) if peer else "-")
        print(f"{backend.name:20}" + "".join(f"{cell:>11}" for cell in cells), flush=True)
        print(f"{'':20}{silent:11} without an answer, {time.monotonic() - start:.0f} s", flush=True)
        self.findings += len(found)
        for target in sorted(found, key=len)[: self.options.show]:
            print(f"    reached: {curl(target)}    by: {found[target]}")


def main():
    options = arguments()
    every = [b for b in backends.every() if not options.only or b.name in options.only]
    missing = [backend for backend in every if not backend.is_there]
    header = ["targets", "directly", "methodgate"]
    if options.peers:
        header += ["of", "directly", "nginx", "HAProxy"]
    print("POST to a handler that allows GET only: targets that reach it")
    print(f"{'backend':20}" + "".join(f"{name:>11}" for name in header))
    with processes.folder() as folder:
        run = Run(options, folder)
        for backend in every:
            if backend.is_there:
                run.measure(backend)
    for backend in missing:
        print(f"NOT INSTALLED, NOT TESTED: {backend.name} (Debian: {backend.packages})")
    print(f"paths: {run.findings} targets reached a handler that the policy closes to them")
    return 1 if run.findings or (missing and options.all) else 0


if __name__ == "__main__":
    processes.end_in_order()
    try:
        sys.exit(main())
    except processes.Failure as failure:
        sys.exit(f"paths: {failure}")
