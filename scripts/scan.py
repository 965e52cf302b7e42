#!/usr/bin/env python3
"""Has sslscan and testssl.sh look at a gate with an ECDSA and an RSA certificate.

Fails on whatever testssl.sh calls LOW or worse, unless ALLOWED says why it is none of the gate's
making, on what is allowed and no longer found, and where sslscan finds other versions or suites
than docs/tls.md promises. Arguments: --gate BINARY, --all to print every finding.
"""

import argparse
import contextlib
import http.server
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

# A finding by its name, without the certificate's number, and why it stays.
ALLOWED = {
    "cert_revocation": "the test's authority has no service for revocation",
}
SEVERE = {"LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"}
PROTOCOLS = {("tls", "1.2"), ("tls", "1.3")}
SUITES = {
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
}  # fmt: skip
GROUPS = {"x25519", "secp256r1", "secp384r1"}
# In seconds; testssl.sh takes one and a half minutes.
PATIENCE = 900
CONFIG = """
listen:
  - address: 127.0.0.1:@PORT@
    tls: {certificate: ec.pem, certificates: [{certificate: rsa.pem}]}
backends: {app: "http://127.0.0.1:@APP@"}
defaults: {methods: [GET, HEAD]}
log: {blocks: {to: "file @FOLDER@/blocks.jsonl"}}
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gate", default=".build-static/release/methodgate")
    parser.add_argument("--all", action="store_true", help="print every finding")
    arguments = parser.parse_args()
    gate = os.path.abspath(arguments.gate)
    with tempfile.TemporaryDirectory() as folder, serving() as backend:
        make_certificates(folder)
        with running(gate, folder, backend) as port:
            problems = sslscan(port) + testssl(port, folder, arguments.all)
    for problem in problems:
        print(f"FAIL {problem}")
    print(f"scan: {len(problems)} findings" if problems else "scan: nothing found")
    sys.exit(1 if problems else 0)


# What is scanned.


def make_certificates(folder):
    """`ec.pem` and `rsa.pem`, each with its key, of an authority in `ca.pem`."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    openssl("req", "-x509", *ec, "-keyout", "ca.key", "-out", "ca.pem", "-days", "90",
            "-subj", "/CN=the authority of a test")  # fmt: skip
    with open(os.path.join(folder, "extensions"), "w") as file:
        file.write("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
        file.write("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n")
    for name, key in [("ec", ec), ("rsa", ["-newkey", "rsa:2048", "-nodes"])]:
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr",
                "-subj", "/CN=localhost")  # fmt: skip
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "90", "-extfile", "extensions",
                "-out", f"{name}.crt")  # fmt: skip
        with open(os.path.join(folder, f"{name}.pem"), "w") as file:
            for part in (f"{name}.crt", "ca.pem", f"{name}.key"):
                with open(os.path.join(folder, part)) as source:
                    file.write(source.read())


class Answering(http.server.BaseHTTPRequestHandler):
    """Says hello, with the fields that testssl.sh wants of a site: they are the backend's affair."""

    protocol_version = "HTTP/1.1"
    FIELDS = {
        "Content-Length": "6",
        "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
        "Content-Security-Policy": "default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
    }

    def do_GET(self):
        self.send_response(200)
        for name, value in self.FIELDS.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"hello\n")

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()


@contextlib.contextmanager
def running(gate, folder, backend):
    """A gate; its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = CONFIG.replace("@PORT@", str(port)).replace("@APP@", str(backend))
    with open(os.path.join(folder, "methodgate.yaml"), "w") as file:
        file.write(text.replace("@FOLDER@", folder))
    with open(os.path.join(folder, "messages"), "w") as messages:
        process = subprocess.Popen(
            [gate, "run", "-c", "methodgate.yaml"], cwd=folder, stderr=messages)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        else:
            with open(os.path.join(folder, "messages")) as messages:
                sys.exit(f"scan: the gate does not listen: {messages.read()}")
        yield port
    finally:
        process.terminate()
        process.wait(60)


# Who looks at it.


def sslscan(port):
    command = ["sslscan", "--xml=-", "--show-sigs", f"localhost:{port}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    test = xml.etree.ElementTree.fromstring(result.stdout).find("ssltest")
    if test is None:
        return [f"sslscan: {result.stderr or result.stdout}"]
    problems = []
    enabled = {
        (one.get("type"), one.get("version"))
        for one in test.findall("protocol") if one.get("enabled") == "1"
    }  # fmt: skip
    if enabled != PROTOCOLS:
        problems.append(f"sslscan: speaks {sorted(enabled)}")
    suites = {one.get("cipher") for one in test.findall("cipher")}
    if suites != SUITES:
        problems.append(f"sslscan: agrees on {sorted(suites ^ SUITES)}, or does not")
    groups = {one.get("name").split(" ")[0] for one in test.findall("group")}
    if groups != GROUPS:
        problems.append(f"sslscan: takes the groups {sorted(groups)}")
    # Whether it looks for compression depends on how it was built; testssl.sh does (CRIME).
    for name, attribute in [("renegotiation", "supported"), ("heartbleed", "vulnerable")]:
        found = test.findall(name)
        if not found or any(one.get(attribute) != "0" for one in found):
            problems.append(f"sslscan: {name}")
    signatures = {one.get("name") for one in test.findall("connection-signature-algorithm")}
    print(f"sslscan: TLS {', '.join(sorted(v for _, v in enabled))}; {len(suites)} suites; "
          f"groups {', '.join(sorted(groups))}; signs by {', '.join(sorted(signatures))}")
    return problems


def testssl(port, folder, prints_all):
    report = os.path.join(folder, "testssl.json")
    command = [
        "testssl", "--quiet", "--color", "0", "--warnings", "batch", "--nodns", "min",
        "--ip", "127.0.0.1", "--add-ca", os.path.join(folder, "ca.pem"), "--jsonfile", report,
        f"localhost:{port}",
    ]  # fmt: skip
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if not os.path.exists(report):
        return [f"testssl.sh: {result.stdout}{result.stderr}"]
    with open(report) as file:
        findings = json.load(file)
    problems, used, counts = [], set(), {}
    for one in findings:
        name, severity = one["id"].split(" ")[0], one["severity"]
        counts[severity] = counts.get(severity, 0) + 1
        if prints_all:
            print(f"{severity:8} {one['id']}: {one['finding']}")
        if severity not in SEVERE:
            continue
        if name in ALLOWED:
            used.add(name)
            print(f"allowed  {severity} {one['id']}: {one['finding']} ({ALLOWED[name]})")
        else:
            problems.append(f"testssl.sh: {severity} {one['id']}: {one['finding']}")
    problems += [f"testssl.sh: {name} is allowed, and not found" for name in ALLOWED.keys() - used]
    # A run that ended early finds nothing bad, either.
    for name in ("TLS1_3", "PFS", "ROBOT", "LUCKY13", "HSTS", "cert_trust", "clientsimulation-"):
        if not any(one["id"].startswith(name) for one in findings):
            problems.append(f"testssl.sh: has not looked for {name}")
    print("testssl.sh: " + ", ".join(f"{counts[one]} {one}" for one in sorted(counts)))
    return problems


if __name__ == "__main__":
    for tool in ("sslscan", "testssl", "openssl"):
        if not shutil.which(tool):
            sys.exit(f"scan: there is no {tool}: scripts/setup.sh scan")
    main()
