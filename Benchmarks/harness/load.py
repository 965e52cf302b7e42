"""The load (wrk), what it sends in each case, and a check that the answers are the right ones."""

import http.client
import json
import os
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

    def __init__(self, title, method, paths, status, length=None, fields=()):
        self.title = title
        self.method = method
        self.paths = paths
        self.status = status
        self.length = length
        self.fields = fields

    def check(self, server):
        """Sends one request and compares the answer: a fast wrong answer is no result."""
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
        if answer.status != self.status or self.length not in (None, len(content)):
            raise HarnessError(
                f"{server.name}: {self.method} {self.paths[0]} was answered {answer.status} with "
                f"{len(content)} bytes, not {self.status} with {self.length}"
            )


GET_100 = Case("GET 100 B", "GET", ["/static/100"], 200, 100)
GET_16K = Case("GET 16 KiB", "GET", ["/static/16k"], 200, 16384)
BROWSER = Case("browser head, 750 B", "GET", ["/static/100"], 200, 100, BROWSER_FIELDS)
DELETE = Case("DELETE → 405", "DELETE", ["/static/100"], 405)
# A connection, and with TLS a whole handshake, for each request.
CLOSE = Case("connection closed", "GET", ["/static/100"], 200, 100, [("Connection", "close")])


def run(bench, server, case, seconds, connections=64):
    """Loads `server` for `seconds`; returns wrk's counts and latencies (microseconds)."""
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


def _judge(server, case, result):
    expected = result["requests"] if case.status >= 400 else 0
    # A few answers may be on their way when the time is up.
    if abs(result["refused"] - expected) > 64 or result["socket_errors"] or not result["requests"]:
        raise HarnessError(f"{server.name}, {case.title}: {result}")
