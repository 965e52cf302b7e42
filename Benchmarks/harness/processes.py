"""Starting processes on a core, stopping them, and what the kernel says they cost.

CPU is read in nanoseconds from /proc/PID/task/*/schedstat: time on a CPU, user and system
together, of every thread of the process and of all its descendants. The split into user and
system comes from /proc/PID/stat, where the kernel samples it by ticks.
"""

import os
import resource
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class HarnessError(Exception):
    """Something that makes a measurement meaningless."""


def raise_descriptor_limit():
    """Raises the soft limit of descriptors to the hard one; returns it. Children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server in the foreground, pinned to one core. A context manager: leaving it ends it."""

    def __init__(self, name, command, port, core, log, stop=signal.SIGTERM):
        self.name = name
        self.port = port
        self._stop = stop
        self._log_path = log
        self._log = open(log, "wb")
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )

    @property
    def pid(self):
        return self._process.pid

    def wait_until_ready(self, seconds=60):
        """Waits until the port accepts; returns the seconds that took."""
        start = time.monotonic()
        while time.monotonic() - start < seconds:
            if self._process.poll() is not None:
                raise HarnessError(f"{self.name} ended at start:\n{self._tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return time.monotonic() - start
            except OSError:
                time.sleep(0.01)
        raise HarnessError(f"{self.name} does not accept on {self.port}:\n{self._tail()}")

    def _tail(self):
        with open(self._log_path, errors="replace") as log:
            return "".join(log.readlines()[-20:])

    def tree(self):
        """The process and all its descendants, as pids."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                fields = _stat(entry)
                if fields:
                    children.setdefault(int(fields[1]), []).append(int(entry))
        found = [self.pid]
        for pid in found:
            found.extend(children.get(pid, []))
        return found

    def cpu(self):
        """CPU so far as (nanoseconds in all, seconds of user, seconds of system)."""
        total, user, system = 0, 0.0, 0.0
        for pid in self.tree():
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/schedstat") as file:
                        total += int(file.read().split()[0])
            except FileNotFoundError:
                continue
            fields = _stat(pid)
            if fields:
                user += int(fields[11]) / TICKS
                system += int(fields[12]) / TICKS
        return total, user, system

    def memory(self):
        """(resident, anonymous) bytes, summed over the tree as `ps` would show it."""
        resident, anonymous = 0, 0
        for pid in self.tree():
            with open(f"/proc/{pid}/smaps_rollup") as file:
                sizes = {line.split(":")[0]: line.split()[1] for line in file if line.endswith("kB\n")}
            resident += int(sizes["Rss"]) * 1024
            anonymous += int(sizes["Anonymous"]) * 1024
        return resident, anonymous

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pids = self.tree()
        if self._process.poll() is None:
            self._process.send_signal(self._stop)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                for pid in pids:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass
                self._process.wait()
        self._log.close()


def _stat(pid):
    """The fields of /proc/PID/stat after the command's name, or None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
