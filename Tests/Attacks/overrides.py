#!/usr/bin/env python3
"""Sends POSTs that ask for a DELETE through the gate to real frameworks: none may take one for a
DELETE where the policy allows only POST. README.md in this folder says more.
"""

import argparse
import os
import sys
import time

from harness import backends, forms, fronts, pipeline, processes

SHORT, LONG = 1_500, 30_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gate", required=True, help="the methodgate binary")
    parser.add_argument("--count", type=int, help="POSTs for each backend")
    parser.add_argument("--short", action="store_true", help=f"{SHORT} POSTs, some seconds")
    parser.add_argument("--only", action="append", help="this backend; may be given repeatedly")
    parser.add_argument("--all", action="store_true", help="fail where a backend is not installed")
    parser.add_argument("--show", type=int, default=20, help="findings shown for each backend")
    return parser.parse_args()


def reaching(port, chosen):
    """Those that some idea of the backend takes for a DELETE, and how many were not answered."""
    requests = [form.head() + form.content for form in chosen]
    answers = [(status, ideas) for _, status, ideas in pipeline.exchange(port, requests)]
    silent = sum(status == 0 for status, _ in answers)
    pairs = zip(chosen, answers)
    return {form.key: (form, ideas) for form, (_, ideas) in pairs if ideas}, silent


def measure(backend, gate, chosen, folder, ports, show):
    start = time.monotonic()
    with backend.running(folder, ports.take()) as origin:
        direct, _ = reaching(origin, chosen)
        if not direct:
            raise processes.Failure(f"{backend.name}: no POST is taken for a DELETE at all")
        port = ports.take()
        with gate.running(folder, port, origin):
            found, silent = reaching(port, chosen)
    print(
        f"{backend.name:20}{len(chosen):>11}{len(direct):>11}{len(found):>11}"
        f"{silent:>11} without an answer, {time.monotonic() - start:.0f} s",
        flush=True,
    )
    for form, ideas in sorted(found.values(), key=lambda pair: len(str(pair[0])))[:show]:
        print(f"    taken for a DELETE by {ideas}: {form}")
    return len(found)


def main():
    options = arguments()
    every = [b for b in backends.overriding() if not options.only or b.name in options.only]
    missing = [backend for backend in every if not backend.is_there]
    chosen = forms.every(options.count or (SHORT if options.short else LONG))
    gate = fronts.methodgate(os.path.abspath(options.gate))
    print("POST where DELETE is not allowed: requests that a framework takes for a DELETE")
    print(f"{'backend':20}{'requests':>11}{'directly':>11}{'methodgate':>11}")
    with processes.folder() as folder:
        ports = processes.Ports()
        findings = sum(
            measure(backend, gate, chosen, folder, ports, options.show)
            for backend in every
            if backend.is_there
        )
    for backend in missing:
        print(f"NOT INSTALLED, NOT TESTED: {backend.name} (Debian: {backend.packages})")
    print(f"overrides: {findings} requests were taken for a DELETE that the policy does not allow")
    return 1 if findings or (missing and options.all) else 0


if __name__ == "__main__":
    processes.end_in_order()
    try:
        sys.exit(main())
    except processes.Failure as failure:
        sys.exit(f"overrides: {failure}")
