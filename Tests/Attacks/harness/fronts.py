"""The front doors: methodgate, nginx and HAProxy with the same policy.

| path | methods |
|---|---|
| `/admin` and below, `/tasks` and below | GET, HEAD |
| `/smuggled` | none |
| anything on the host `closed.example` and below | GET, HEAD |
| anything else | GET, HEAD, POST |

nginx and HAProxy are set up as their manuals and their users' guides advise for this task; the
head of docs/bypasses.md says how.
"""

import contextlib
import os
import re
import subprocess

from . import processes

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "fronts")


class Front:
    def __init__(self, name, template, command, version):
        self.name = name
        self._template = template
        self._command = command
        self._version = version

    @contextlib.contextmanager
    def running(self, folder, port, backend):
        """Runs it on `port` in front of `backend`; gives a function for the contents of its logs."""
        log = os.path.join(folder, f"{self.name}-{port}.requests")
        output = os.path.join(folder, f"{self.name}-{port}.log")
        config = self._render(folder, port, backend, log)
        with processes.running(self.name, self._command(config), port, folder):
            # HAProxy writes its log to standard output; methodgate has one of blocks besides.
            logs = [output] if self.name == "HAProxy" else [log, log + ".access"]
            yield lambda: list(map(_contents, logs))

    def _render(self, folder, port, backend, log):
        with open(os.path.join(HERE, self._template)) as file:
            text = file.read()
        for key, value in {"DIR": folder, "PORT": port, "BACKEND": backend, "LOG": log}.items():
            text = text.replace(f"@{key}@", str(value))
        path = os.path.join(folder, f"{port}-{self._template}")
        with open(path, "w") as file:
            file.write(text)
        return path

    def version(self):
        """Its name and number, without what differs from build to build."""
        result = subprocess.run(self._version, capture_output=True, text=True, check=False)
        number = re.search(r"\d+\.\d+\.\d+", result.stdout + result.stderr)
        return f"{self.name} {number[0] if number else '?'}"


def _contents(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def methodgate(binary):
    return Front(
        "methodgate",
        "methodgate.yaml",
        lambda config: [binary, "run", "-c", config],
        [binary, "version"],
    )


def nginx():
    program = processes.find("nginx")
    if not program:
        return None
    return Front("nginx", "nginx.conf", lambda config: [program, "-c", config], [program, "-v"])


def haproxy():
    program = processes.find("haproxy")
    if not program:
        return None
    return Front(
        "HAProxy", "haproxy.cfg", lambda config: [program, "-db", "-f", config], [program, "-v"]
    )
