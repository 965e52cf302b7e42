"""The load (wrk, h2load), what it sends in each case, and a check that the answers are the right ones."""

import http.client
import json
import os
import re
import ssl
import subprocess

from .peers import HERE, find
from .processes import HarnessError

# With wrk's own request line and Host this makes a head of about 750 bytes, as browsers send it.
BROWSER_FIELDS = [
    ("Sec-Ch-Ua", '"Chromium";v="124", "Google Chrome";v="124", "Not-A.Brand";v="99"'),
    ("Sec-Ch-Ua-Mobile", "?0"),
    ("Sec-Ch-Ua-Platform", '"Linux"'),
    ("Upgrade-Insecure-Requests", "1"),
    ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                   "Chrome/124.0.0.0 Safari/537.36"),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
               "image/apng,*/*;q=0.8"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-User", "?1"),
    ("Sec-Fetch-Dest", "document"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Accept-Language", "en-US,en;q=0.9"),
    ("Cookie", "session=8c1f0a7e5d3b49f2; theme=dark; _ga=GA1.1.77"),
]


class Case:
    """What is sent, and what must come back: `status`, and `length` bytes if that is known."""

    def __init__(self, title, method, paths, status, length=None, fields=(), streams=0):
        """`streams`: over HTTP/2, so many at a time on one connection."""
        self.title = title
        self.method = method
        self.paths = paths
        self.status = status
        self.length = length
        self.fields = fields
        self.streams = streams

    def check(self, server):
        """Sends one request and compares the answer: a fast wrong answer is no result."""
        status, length = self._ask_http2(server) if self.streams else self._ask(server)
        if status != self.status or self.length not in (None, length):
            raise HarnessError(
                f"{server.name}: {self.method} {self.paths[0]} was answered {status} with "
                f"{length} bytes, not {self.status} with {self.length}"
            )

    def _ask_http2(self, server):
        command = [
            find("curl"), "-s", "--max-time", "10", "--http2-prior-knowledge", "-X", self.method,
            "-o", "/dev/null", "-w", "%{http_code} %{size_download} %{http_version}",
            f"http://127.0.0.1:{server.port}{self.paths[0]}",
        ]  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True).stdout.split()
        if len(said) != 3 or said[2] != "2":
            raise HarnessError(f"{server.name} does not speak HTTP/2: {said}")
        return int(said[0]), int(said[1])

    def _ask(self, server):
        if server.scheme == "https":
            anyone = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(
                "127.0.0.1", server.port, timeout=10, context=anyone
            )
        else:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request(self.method, self.paths[0], headers=dict(self.fields))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, len(content)


GET_100 = Case("GET 100 B", "GET", ["/static/100"], 200, 100)
GET_16K = Case("GET 16 KiB", "GET", ["/static/16k"], 200, 16384)
BROWSER = Case("browser head, 750 B", "GET", ["/static/100"], 200, 100, BROWSER_FIELDS)
DELETE = Case("DELETE → 405", "DELETE", ["/static/100"], 405)
# A connection, and with TLS a whole handshake, for each request.
CLOSE = Case("connection closed", "GET", ["/static/100"], 200, 100, [("Connection", "close")])
HTTP2_100 = Case("HTTP/2 GET 100 B", "GET", ["/static/100"], 200, 100, streams=100)
HTTP2_16K = Case("HTTP/2 GET 16 KiB", "GET", ["/static/16k"], 200, 16384, streams=100)
HTTP2_DELETE = Case("HTTP/2 DELETE → 405", "DELETE", ["/static/100"], 405, streams=100)


def run(bench, server, case, seconds, connections=64):
    """Loads `server` for `seconds`; returns wrk's counts and latencies (microseconds)."""
    if case.streams:
        return _run_http2(bench, server, case, seconds)
    stem = bench.path("load")
    with open(stem + ".paths", "w") as file:
        file.write("\n".join(case.paths) + "\n")
    arguments = [case.method, stem + ".paths"]
    if case.fields:
        with open(stem + ".fields", "w") as file:
            file.writelines(f"{name}: {value}\n" for name, value in case.fields)
        arguments.append(stem + ".fields")
    command = [
        find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s",
        "-s", os.path.join(HERE, "load", "load.lua"), f"{server.scheme}://127.0.0.1:{server.port}",
        "--", *arguments,
    ]  # fmt: skip
    finished = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        preexec_fn=lambda: os.sched_setaffinity(0, {bench.load_core}),
    )
    for line in finished.stdout.splitlines():
        if line.startswith("RESULT "):
            result = json.loads(line[7:])
            _judge(server, case, result)
            return result
    raise HarnessError(f"wrk said nothing of use: {finished.stdout}{finished.stderr}")


def _run_http2(bench, server, case, seconds):
    """The same by h2load, on one connection: counts only."""
    command = [
        find("h2load"), "-t1", "-c1", f"-m{case.streams}", f"-D{seconds}", "-H",
        f":method: {case.method}", f"http://127.0.0.1:{server.port}{case.paths[0]}",
    ]  # fmt: skip
    finished = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
        preexec_fn=lambda: os.sched_setaffinity(0, {bench.load_core}),
    )
    found = re.search(r"requests: .* (\d+) done, \d+ succeeded, .* (\d+) errored", finished.stdout)
    codes = re.search(r"status codes: (\d+) 2xx, \d+ 3xx, (\d+) 4xx", finished.stdout)
    if not found or not codes or found[2] != "0":
        raise HarnessError(f"h2load, {server.name}: {finished.stdout}{finished.stderr}")
    wanted = codes[2 if case.status >= 400 else 1]
    # A few answers may be on their way when the time is up.
    if not int(wanted) or int(found[1]) - int(wanted) > case.streams:
        raise HarnessError(f"{server.name}, {case.title}: {finished.stdout}")
    none = {key: None for key in ("p50", "p90", "p99", "p999")}
    return {"requests": int(wanted), "us": seconds * 1e6, **none}


def _judge(server, case, result):
    expected = result["requests"] if case.status >= 400 else 0
    # A few answers may be on their way when the time is up.
    if abs(result["refused"] - expected) > 64 or result["socket_errors"] or not result["requests"]:
        raise HarnessError(f"{server.name}, {case.title}: {result}")
