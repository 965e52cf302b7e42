"""Servers in the foreground, on loopback, each ended by the one who started it."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time


class Failure(Exception):
    """Something without which the run means nothing."""


def find(program):
    """The program's path or None; Debian keeps daemons in /usr/sbin, not in every PATH."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin"]:
        path = os.path.join(folder, program)
        if folder and os.access(path, os.X_OK):
            return path
    return None


class Ports:
    """TCP ports on loopback that nobody uses, each given once: from `first` on, or anywhere below
    those that the kernel gives to clients."""

    def __init__(self, first=0):
        self._next = first or random.randrange(20000, 31000)
        self._lock = threading.Lock()

    def take(self):
        with self._lock:
            while True:
                port = self._next
                self._next += 1
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    try:
                        probe.bind(("127.0.0.1", port))
                        return port
                    except OSError:
                        continue


@contextlib.contextmanager
def running(name, command, port, folder, environment=None, seconds=60, pause=0.02):
    """Runs `command` until the block ends; it accepts on `port` when the block begins, at most
    `pause` seconds before."""
    log_path = os.path.join(folder, f"{name}-{port}.log")
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
            # Its workers too: PHP's outlive their parent.
            start_new_session=True,
            env={**os.environ, **(environment or {})},
        )
        try:
            _wait_until_ready(name, process, port, log_path, seconds, pause)
            yield process
        finally:
            _end(process)


def _end(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        pass
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_ready(name, process, port, log_path, seconds, pause):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(pause)
    with open(log_path, errors="replace") as log:
        tail = "".join(log.readlines()[-20:])
    raise Failure(f"{name} does not accept on {port}:\n{tail}")


def end_in_order():
    """Lets SIGTERM unwind the program, so that it ends what it started."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def folder():
    """A folder for one run; others may read it, since nginx and httpd leave root's rights."""
    path = tempfile.TemporaryDirectory(prefix="attacks-")
    os.chmod(path.name, 0o755)
    return path
