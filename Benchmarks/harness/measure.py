"""The measurements. Each returns plain data; report.py turns it into tables."""

import os
import re
import signal
import socket
import statistics
import subprocess
import time

from . import load
from .peers import find
from .processes import HarnessError


def cpu_rounds(bench, contestants, rounds, seconds, progress):
    """CPU per request of each contestant, {name: (server, case)}, in interleaved rounds.

    They take turns within a round, and the first of a round moves on from round to round, so
    that whatever else the machine does meets all alike. Returns for each name a list of
    samples, one a round: {"us": CPU per request, "user_us", "rate": requests a second, …}.
    """
    names = list(contestants)
    for server, case in contestants.values():
        case.check(server)
        load.run(bench, server, case, 1)  # pools, caches and lazy set-up, once
    samples = {name: [] for name in names}
    for number in range(rounds):
        progress(f"round {number + 1} of {rounds}: {', '.join(names)}")
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            samples[name].append(_cpu_sample(bench, *contestants[name], seconds))
    return samples


def _cpu_sample(bench, server, case, seconds):
    for log in server.logs:
        if os.path.exists(log):
            os.truncate(log, 0)
    total, user, system = server.cpu()
    result = load.run(bench, server, case, seconds)
    total_after, user_after, system_after = server.cpu()
    requests = result["requests"]
    return {
        "us": (total_after - total) / 1000 / requests,
        "user_us": (user_after - user) * 1e6 / requests,
        "system_us": (system_after - system) * 1e6 / requests,
        "rate": requests / (result["us"] / 1e6),
        **{key: result[key] for key in ("p50", "p90", "p99", "p999")},
    }


def paired_ratio(samples, ours, theirs):
    """(median, lowest, highest) of ours / theirs within the same round."""
    ratios = [a["us"] / b["us"] for a, b in zip(samples[ours], samples[theirs])]
    return statistics.median(ratios), min(ratios), max(ratios)


def median(samples, key):
    return statistics.median(sample[key] for sample in samples)


def system_calls(bench, server, case, seconds=3):
    """System calls per request by name, by `strace -c -f` over the whole process tree.

    strace slows the server down many times over: only the counts are of use, and they come from
    runs of their own. Opening 64 connections counts too, which is noise of about 0.02.
    """
    output = bench.path("strace.out")
    command = [find("strace"), "-c", "-f", "-U", "calls,name", "-o", output]
    for pid in server.tree():
        command += ["-p", str(pid)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(0.5)
        if tracer.poll() is not None:
            raise HarnessError(f"strace: {tracer.stderr.read()}")
        requests = load.run(bench, server, case, seconds)["requests"]
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.communicate(timeout=30)
    counts = {}
    with open(output) as file:
        for line in file:
            match = re.match(r"\s*(\d+)\s+(\w+)$", line)
            if match and match[2] != "total":
                counts[match[2]] = int(match[1]) / requests
    return counts


def idle_memory(server):
    """(resident, anonymous) bytes after one request."""
    load.GET_100.check(server)
    time.sleep(0.5)
    return server.memory()


def memory_per_connection(server, connections):
    """Bytes (resident, anonymous) that each of `connections` idle keep-alive connections costs.

    Each connection carries one request first: a connection that never spoke proves little.
    """
    before = idle_memory(server)
    clients = []
    request = b"GET /static/100 HTTP/1.1\r\nHost: bench\r\n\r\n"
    try:
        for _ in range(connections):
            client = socket.create_connection(("127.0.0.1", server.port), timeout=10)
            clients.append(client)
            client.sendall(request)
            received = b""
            while not received.endswith(b"0123456789" * 10):
                chunk = client.recv(4096)
                if not chunk:
                    raise HarnessError(f"{server.name} closed connection {len(clients)}")
                received += chunk
        time.sleep(1.5)
        after = server.memory()
    finally:
        for client in clients:
            client.close()
    return tuple((late - early) / connections for early, late in zip(before, after))


def check_seconds(gate, config):
    """Wall-clock seconds of `methodgate check` on a configuration, or None if that fails."""
    start = time.monotonic()
    try:
        finished = subprocess.run(
            [gate, "check", "--config", config], capture_output=True, timeout=30
        )
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - start if finished.returncode == 0 else None
