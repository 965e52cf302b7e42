#!/usr/bin/env python3
"""Measures methodgate side by side with nginx and HAProxy; see README.md in this folder.

Everything runs on this machine, on loopback, for a bounded time, and is ended at the end.
"""

import argparse
import contextlib
import fcntl
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from harness import load, measure, peers, profile, report, rules
from harness.processes import HarnessError, raise_descriptor_limit

HERE = os.path.dirname(os.path.abspath(__file__))
PARTS = ["cpu", "405", "tls", "http2", "rules", "syscalls", "memory", "latency"]
# Not part of a full run: it needs perf.
EXTRA = ["profile"]
GET_CASES = [load.GET_100, load.GET_16K, load.BROWSER]
NAMES = ["methodgate", "nginx", "haproxy"]
HTTP2_NAMES = [*NAMES, "nghttpx"]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        epilog="A quick look: --rounds 3. For figures worth publishing: --rounds 9.",
    )
    parser.add_argument("--gate", help="the methodgate binary", default="methodgate")
    parser.add_argument(
        "--gate-command",
        help="how to start it; {gate}, {config}, {port} and {backend} are filled in "
        "(default: %(default)s)",
        default="{gate} run --config {config}",
    )
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--seconds", type=int, default=2, help="length of a round (default 2)")
    parser.add_argument("--proxy-core", type=int, default=1)
    parser.add_argument("--load-core", type=int, default=0, help="for wrk and the backend")
    parser.add_argument("--connections", type=int, default=9000, help="idle ones, for memory")
    parser.add_argument(
        "--only", choices=PARTS + EXTRA, action="append", help="this part only; may be given repeatedly"
    )
    parser.add_argument("--json", metavar="FILE", help="all samples, for other tools")
    parser.add_argument("--check", action="store_true", help="exit 1 when a target is missed")
    return parser.parse_args()


class Run:
    """One run: measures part by part, prints tables as they are complete."""

    def __init__(self, options, bench):
        self.options = options
        self.bench = bench
        self.data = {}
        with open(os.path.join(HERE, "thresholds.json")) as file:
            self.targets = report.Targets(json.load(file))

    @contextlib.contextmanager
    def servers(self, names, rule_set, logs=False, buffers=None, http2=False):
        """Starts the named proxies under the same rules; `buffers`: the peers', in bytes."""
        with contextlib.ExitStack() as stack:
            started = {}
            for name in names:
                log = self.bench.path(f"{name}.blocks") if logs else None
                server = stack.enter_context(
                    peers.STARTERS[name](self.bench, rule_set, log, buffers, http2)
                )
                server.logs = [log] if log else []
                started[name] = server
            yield started

    def progress(self, text):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, title, text):
        self.progress("")
        print(f"\n## {title}\n\n{text}", flush=True)

    def rounds(self, contestants):
        options = self.options
        return measure.cpu_rounds(
            self.bench, contestants, options.rounds, options.seconds, self.progress
        )

    # The parts.

    def cpu(self):
        rows = []
        with self.servers(NAMES, rules.TEN) as servers:
            for case in GET_CASES:
                samples = self.rounds({name: (servers[name], case) for name in servers})
                rows.append(self._cpu_row(case.title, samples))
        with self.servers(NAMES, rules.TEN, buffers=32768) as servers:
            samples = self.rounds({name: (servers[name], load.GET_16K) for name in servers})
            rows.append(self._cpu_row("GET 16 KiB, peers with 32 KiB buffers", samples))
        self.say("CPU per proxied request, µs (user + system)", self._cpu_table(rows))

    def rejections(self):
        rows = []
        for logs, title in [(False, "DELETE → 405, logs off"), (True, "DELETE → 405, logs on")]:
            with self.servers(NAMES, rules.TEN, logs) as servers:
                contestants = {name: (servers[name], load.DELETE) for name in servers}
                rows.append(self._cpu_row(title, self.rounds(contestants)))
        self.say("CPU per rejection, µs (user + system)", self._cpu_table(rows))

    def tls(self):
        rows = []
        with self.bench.tls(), self.servers(NAMES, rules.TEN, True) as servers:
            for case in [load.GET_100, load.GET_16K, load.DELETE, load.CLOSE]:
                samples = self.rounds({name: (servers[name], case) for name in servers})
                rows.append(self._cpu_row(f"TLS, {case.title}", samples))
        self.say("CPU per request over TLS, µs (user + system), logs on", self._cpu_table(rows))

    def http2(self):
        """100 streams at a time on one connection; requests go to the backend by HTTP/1.1."""
        rows = []
        with self.servers(HTTP2_NAMES, rules.TEN, http2=True) as servers:
            for case in [load.HTTP2_100, load.HTTP2_16K, load.HTTP2_DELETE]:
                # nghttpx forwards what the others reject.
                names = HTTP2_NAMES if case.status == 200 else NAMES
                samples = self.rounds({name: (servers[name], case) for name in names})
                row = self._cpu_row(case.title, samples, names)
                rows.append(row if names is HTTP2_NAMES else [*row[:4], "–", *row[4:], "–"])
        self.say("CPU per request over HTTP/2, µs (user + system)",
                 self._cpu_table(rows, HTTP2_NAMES))  # fmt: skip

    def _cpu_row(self, title, samples, names=NAMES):
        self.data[f"cpu {title}"] = samples
        row = [title] + [f"{measure.median(samples[name], 'us'):.1f}" for name in names]
        row.append(f"{measure.median(samples['methodgate'], 'user_us'):.1f}")
        for peer in names[1:]:
            value = measure.paired_ratio(samples, "methodgate", peer)
            self.targets.judge(f"CPU {title} / {peer}", value[0])
            row.append(report.ratio(value))
        return row

    def _cpu_table(self, rows, names=NAMES):
        header = ["case", *names, "of it user", *(f"/ {peer}" for peer in names[1:])]
        return report.table(header, rows)

    def rule_counts(self):
        """The gate alone, at three sizes at once; every request draws its path."""
        counts = [10, 1000, 100_000]
        sets = {f"{count:,}": rules.many(count) for count in counts}
        with contextlib.ExitStack() as stack:
            contestants = {}
            for name, rule_set in sets.items():
                started = stack.enter_context(self.servers(["methodgate"], rule_set))
                case = load.Case(f"{name} rules", "GET", rules.targets(rule_set, max(counts)), 200, 100)
                contestants[name] = started["methodgate"], case
            samples = self.rounds(contestants)
            servers = {name: server for name, (server, _) in contestants.items()}
            memory = {name: server.memory() for name, server in servers.items()}
            seconds = measure.check_seconds(self.options.gate, servers["100,000"].config)
        self.data["rules"] = samples
        rows = []
        for name in sets:
            value = measure.paired_ratio(samples, name, "10")
            resident, anonymous = (report.size(part) for part in memory[name])
            cpu = f"{measure.median(samples[name], 'us'):.1f}"
            ready = f"{servers[name].startup_seconds:.2f} s"
            rows.append([name, cpu, report.ratio(value), resident, anonymous, ready])
        self.targets.judge(
            "CPU at 100,000 rules / at 10", measure.paired_ratio(samples, "100,000", "10")[0]
        )
        if seconds is not None:
            self.targets.judge("seconds to check 100,000 rules", seconds)
        header = ["rules", "µs a request", "/ 10 rules", "resident", "anonymous", "ready after"]
        self.say("CPU by number of rules, paths drawn uniformly", report.table(header, rows))

    def system_calls(self):
        rows = []
        names = {}
        for case, logs in [(case, False) for case in GET_CASES] + [(load.DELETE, True)]:
            title = case.title + (", logs on" if logs else "")
            row = [title]
            with self.servers(NAMES, rules.TEN, logs) as servers:
                for name, server in servers.items():
                    load.run(self.bench, server, case, 1)
                    counts = measure.system_calls(self.bench, server, case)
                    self.data[f"system calls {title} {name}"] = counts
                    row.append(f"{sum(counts.values()):.2f}")
                    if name == "methodgate":
                        names = counts
                        self.targets.judge(f"system calls {title}", sum(counts.values()))
            row.append(_largest(names))
            rows.append(row)
        self.say(
            "System calls per request", report.table(["case", *NAMES, "methodgate's"], rows)
        )

    def memory(self):
        rows = []
        for name in NAMES:
            with self.servers([name], rules.TEN) as servers:
                resident, anonymous = measure.idle_memory(servers[name])
                each = measure.memory_per_connection(servers[name], self.options.connections)
            self.data[f"memory {name}"] = {
                "resident": resident, "anonymous": anonymous, "per_connection": each,
            }  # fmt: skip
            if name == "methodgate":
                self.targets.judge("idle resident MB", resident / 1e6)
                self.targets.judge("idle anonymous MB", anonymous / 1e6)
                self.targets.judge("idle connection resident KB", max(each) / 1000)
            rows.append([name, *map(report.size, (resident, anonymous, *each))])
        count = f"{self.options.connections:,}"
        header = ["", "idle, resident", "anonymous", f"each of {count}, resident", "anonymous"]
        self.say("Memory with ten rules", report.table(header, rows))

    def latency(self):
        """wrk sends the next request when the last is answered: with 64 connections the figures
        are those of a busy proxy, with one connection those of an idle one."""
        rows = []
        with self.servers(NAMES, rules.TEN) as servers:
            for connections in [1, 64]:
                for name, server in servers.items():
                    load.run(self.bench, server, load.GET_100, 1, connections)
                    result = load.run(self.bench, server, load.GET_100, 4, connections)
                    self.data[f"latency {name} {connections}"] = result
                    marks = [f"{result[key]:,}" for key in ("p50", "p90", "p99", "p999")]
                    rows.append([connections, name, *marks])
        header = ["connections", "", "p50", "p90", "p99", "p99.9"]
        self.say("Latency of GET 100 B, µs", report.table(header, rows))


    def profile(self):
        """The gate alone: what its user time is spent on."""
        for case, logs in [(load.GET_100, False), (load.BROWSER, False), (load.DELETE, True)]:
            with self.servers(["methodgate"], rules.TEN, logs) as servers:
                load.run(self.bench, servers["methodgate"], case, 1)
                found = profile.user_profile(self.bench, servers["methodgate"], case)
            self.data[f"profile {case.title}"] = found
            rows = []
            for kind, share in found["kinds"].items():
                names, shares = zip(*found["callers"].get(kind, [("", 0)]))
                who = [f"{a} {b:.1%}" for a, b in zip(profile.demangled(names), shares) if b]
                rows.append([kind, f"{share:.1%}", "; ".join(who)])
            names, shares = zip(*found["top"])
            rows += [["", f"{b:.1%}", a] for a, b in zip(profile.demangled(names), shares)]
            title = f"{case.title}: user time is {found['user']:.0%} of all"
            self.targets.judge(
                f"reference counting {case.title}", found["kinds"]["reference counting"]
            )
            self.targets.judge(f"allocation {case.title}", found["kinds"]["allocation"])
            self.say(f"{title} ({found['samples']:,} samples)",
                     report.table(["of the user time", "", "by"], rows))  # fmt: skip


def _largest(counts):
    parts = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:.2f}" for name, count in parts if count >= 0.01)


def machine():
    """What the figures were measured on, in one line."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
    versions = []
    for program, flag in [("nginx", "-v"), ("haproxy", "-v"), ("wrk", "-v")]:
        said = subprocess.run([peers.find(program), flag], capture_output=True, text=True)
        versions.append((said.stdout + said.stderr).splitlines()[0].split(" - ")[0].split(" Copy")[0])
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}; {'; '.join(versions)}"


def wait_for_others():
    """Holds the machine's only benchmark lock; two runs at once would measure each other."""
    lock = open(os.path.join(tempfile.gettempdir(), "methodgate-bench.lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another benchmark is running: waiting for its end", file=sys.stderr)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def main():
    options = arguments()
    lock = wait_for_others()
    if len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("bench: two cores are needed, one for the proxy and one for the load")
    descriptors = raise_descriptor_limit()
    options.gate = shutil.which(options.gate) or options.gate
    command = options.gate_command.replace("{gate}", options.gate)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="methodgate-bench-") as directory:
        os.chmod(directory, 0o755)  # nginx's workers give up root
        bench = peers.Workbench(
            directory, options.proxy_core, options.load_core, descriptors, command
        )
        print(machine())
        print(f"{options.rounds} rounds of {options.seconds} s, 64 connections, one worker each")
        with bench.start_backend():
            run = Run(options, bench)
            parts = {
                "cpu": run.cpu, "405": run.rejections, "tls": run.tls, "http2": run.http2,
                "rules": run.rule_counts,
                "syscalls": run.system_calls, "memory": run.memory, "latency": run.latency,
                "profile": run.profile,
            }  # fmt: skip
            for name in options.only or PARTS:
                parts[name]()
    run.say("Targets", run.targets.table())
    print(f"\n{time.monotonic() - started:.0f} s")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(run.data, file, indent=1)
    lock.close()
    return 1 if options.check and run.targets.missed else 0


if __name__ == "__main__":
    # Leaving by an exception ends all servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        sys.exit(main())
    except HarnessError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
