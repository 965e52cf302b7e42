#!/usr/bin/env python3
"""Measures what methodgate, nginx and HAProxy do with known bypasses and desynchronisations, and
writes the table of docs/bypasses.md. README.md in this folder says more.
"""

import argparse
import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from families import fields, framing, paths, tunnels
from harness import backends, fronts, pipeline, processes
from harness.attack import Outcome, Talk
from harness.recorder import Recorder

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "bypasses.md")
BEGIN, END = "<!-- table: made by make attacks -->", "<!-- end of the table -->"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gate", required=True, help="the methodgate binary")
    parser.add_argument("--only-gate", action="store_true", help="without nginx and HAProxy")
    parser.add_argument("--family", action="append", help="only families whose name begins so")
    parser.add_argument("--write", action="store_true", help="write docs/bypasses.md")
    parser.add_argument(
        "--check", action="store_true", help="fail where docs/bypasses.md differs for methodgate"
    )
    parser.add_argument("--lanes", type=int, default=4, help="attacks at once on a front door")
    parser.add_argument("--first-port", type=int, default=0, help="ports from here on (default: any)")
    return parser.parse_args()


class Lane:
    """A front door of its own in front of a backend of its own, for one attack at a time."""

    def __init__(self, front, folder, ports, stack):
        self.recorder = Recorder(ports.take())
        stack.callback(self.recorder.close)
        self.port = ports.take()
        self.log = stack.enter_context(front.running(folder, self.port, self.recorder.port))

    def run(self, attack):
        return Talk(self.port, self.recorder, self.log).run(attack)


def measure(front, attacks, folder, ports, count):
    """The outcome of each attack on a front door, in their order."""
    with contextlib.ExitStack() as stack:
        lanes = [Lane(front, folder, ports, stack) for _ in range(count)]
        outcomes = [None] * len(attacks)

        def work(number):
            for index in range(number, len(attacks), count):
                outcomes[index] = lanes[number].run(attacks[index])

        with ThreadPoolExecutor(count) as pool:
            list(pool.map(work, range(count)))
    return outcomes


def measure_paths(doors, folder, ports):
    """For each front door the outcome of each spelling: which real backends it reaches."""
    targets = [paths.target(text) for _, text in paths.ROWS]
    reached = {front.name: [[] for _ in targets] for front in doors}
    answers = {front.name: [set() for _ in targets] for front in doors}
    missing = []
    for backend in backends.every():
        if not backend.is_there:
            missing.append(backend)
            continue
        with contextlib.ExitStack() as stack:
            origin = stack.enter_context(backend.running(folder, ports.take()))
            for front in doors:
                port = ports.take()
                stack.enter_context(front.running(folder, port, origin))
                for index, (_, status, ideas) in enumerate(pipeline.posts(port, targets, 1)):
                    if ideas:
                        reached[front.name][index].append(backend.name)
                    answers[front.name][index].add(status)
    for backend in missing:
        print(f"NOT INSTALLED: {backend.name} (Debian: {backend.packages})", file=sys.stderr)
    outcomes = {}
    for front in doors:
        pairs = zip(reached[front.name], answers[front.name])
        outcomes[front.name] = [_path_outcome(names, statuses) for names, statuses in pairs]
    return outcomes, missing


def _path_outcome(names, statuses):
    """A front door's own refusal has one status whatever backend stands behind it."""
    if names:
        return Outcome("forwarded", [f"reaches {', '.join(names)}"])
    if len(statuses) == 1 and min(statuses) >= 400:
        return Outcome(str(min(statuses)), [])
    return Outcome("forwarded", [])


def cell(outcome):
    if outcome.is_safe:
        return outcome.cell
    return f"**{outcome.cell}**: {'; '.join(outcome.violations)}"


def row(family, name, outcomes):
    return "| " + " | ".join([family, name.replace("|", "\\|"), *map(cell, outcomes)]) + " |"


def table(doors, attacks, outcomes, path_outcomes):
    lines = ["| family | variant | " + " | ".join(front.name for front in doors) + " |"]
    lines.append("|" + "---|" * (len(doors) + 2))
    for index, (name, _) in enumerate(paths.ROWS if path_outcomes else ()):
        cells = [path_outcomes[front.name][index] for front in doors]
        lines.append(row("Path confusion", name, cells))
    for index, attack in enumerate(attacks):
        cells = [outcomes[front.name][index] for front in doors]
        lines.append(row(attack.family, attack.name, cells))
    return lines


def summary(doors, every):
    """How many of the rows each front door lets do harm."""
    versions = ", ".join(front.version() for front in doors)
    lines = ["", f"{versions}; all others from Debian 12.", "", "| | " + " | ".join(front.name for front in doors) + " |"]
    lines.append("|" + "---|" * (len(doors) + 1))
    total = len(every[doors[0].name])
    counts = [sum(outcome.is_safe for outcome in every[front.name]) for front in doors]
    lines.append(f"| safe, of {total} | " + " | ".join(map(str, counts)) + " |")
    return lines


def page(lines):
    with open(PAGE) as file:
        before, _, rest = file.read().partition(BEGIN)
    return before + "\n".join([BEGIN, "", *lines, "", END]) + rest.partition(END)[2]


def main():
    options = arguments()
    gate = fronts.methodgate(os.path.abspath(options.gate))
    doors = [gate] if options.only_gate else [fronts.nginx(), fronts.haproxy(), gate]
    if None in doors:
        raise processes.Failure("nginx or HAProxy is not installed (Debian: nginx-light haproxy)")
    attacks = [a for module in (tunnels, framing, fields) for a in module.every()]
    wants_paths = True
    if options.family:
        chosen = tuple(options.family)
        attacks = [attack for attack in attacks if attack.family.startswith(chosen)]
        wants_paths = "Path confusion".startswith(chosen)
    ports = processes.Ports(options.first_port)
    with processes.folder() as folder:
        path_outcomes, missing = {}, []
        if wants_paths:
            path_outcomes, missing = measure_paths(doors, folder, ports)
        with ThreadPoolExecutor(len(doors)) as pool:
            measured = [
                pool.submit(measure, front, attacks, folder, ports, options.lanes)
                for front in doors
            ]
            outcomes = {front.name: found.result() for front, found in zip(doors, measured)}
            if options.check:
                again = differing(attacks, outcomes[gate.name])
                for index in again:
                    one = measure(gate, [attacks[index]], folder, ports, 1)
                    outcomes[gate.name][index] = one[0]
    lines = table(doors, attacks, outcomes, path_outcomes)
    every = {f.name: path_outcomes.get(f.name, []) + outcomes[f.name] for f in doors}
    lines += summary(doors, every)
    print("\n".join(lines))
    keys = [("Path confusion", name) for name, _ in paths.ROWS] if path_outcomes else []
    keys += [(attack.family, attack.name) for attack in attacks]
    return finish(options, lines, dict(zip(keys, every[gate.name])), missing)


def documented():
    """The cells of the documentation's last column, by family and variant."""
    with open(PAGE) as file:
        lines = file.read().partition(BEGIN)[2].partition(END)[0].split("\n")
    rows = [line.strip("| ").replace("\\|", "\0").split(" | ") for line in lines]
    return {(r[0], r[1].replace("\0", "|")): r[-1] for r in rows if len(r) == 5}


def differing(attacks, outcomes):
    """Which attacks end otherwise than the documentation says: worth a second look, since a busy
    machine may answer later than it was waited for."""
    cells = documented()
    pairs = enumerate(zip(attacks, outcomes))
    return [i for i, (a, o) in pairs if cells.get((a.family, a.name)) != cell(o)]


def finish(options, lines, outcomes, missing):
    unsafe = {key for key, outcome in outcomes.items() if not outcome.is_safe}
    print(f"attacks: {len(outcomes)} on methodgate, {len(unsafe)} do harm")
    for family, name in sorted(unsafe):
        print(f"    {family}: {name}: {cell(outcomes[family, name])}")
    if options.write:
        if missing:
            raise processes.Failure("the table needs every backend")
        text = page(lines)
        with open(PAGE, "w") as file:
            file.write(text)
    if options.check:
        cells = documented()
        stale = sorted(key for key, outcome in outcomes.items() if cells.get(key) != cell(outcome))
        for key in stale:
            print(f"    {key}: {cell(outcomes[key])}, but documented: {cells.get(key)}")
        if stale:
            raise processes.Failure("docs/bypasses.md says otherwise: run make attacks")
    return 1 if unsafe else 0


if __name__ == "__main__":
    processes.end_in_order()
    try:
        sys.exit(main())
    except processes.Failure as failure:
        sys.exit(f"attacks: {failure}")
