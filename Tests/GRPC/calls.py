#!/usr/bin/env python3
"""gRPC through the gate, by gRPC's own client and server (Debian: python3-grpcio): all four kinds
of calls, errors, deadlines, cancelling, and what a call gets that is blocked or finds no backend.

Once without TLS and once with it on both sides. Ends with 0 where everything is as it should be."""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent import futures

import grpc

failures = []


def check(name, ok, *seen):
    print(("ok    " if ok else "FAILED ") + name, *([] if ok else seen), flush=True)
    if not ok:
        failures.append(name)


class Service(grpc.GenericRpcHandler):
    """Messages are bytes; nothing is generated."""

    def __init__(self):
        self.peers = set()
        self.ended = threading.Event()

    def service(self, details):
        name = details.method.rsplit("/", 1)[1]
        if details.method.startswith("/t.T/") and hasattr(self, name):
            return getattr(self, name)()
        return None

    def Unary(self):
        def run(request, context):
            self.peers.add(context.peer())
            sent = dict(context.invocation_metadata())
            context.send_initial_metadata((("x-first", sent.get("x-mine", "?")),))
            left = context.time_remaining()
            context.set_trailing_metadata(
                (("x-last", "yes"), ("raw-bin", b"\x00\xff"), ("x-left", "%.1f" % (left or 0))))
            return b"<" + request + b">"
        return grpc.unary_unary_rpc_method_handler(run)

    def Fail(self):
        def run(request, context):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "n\u00f6 % not now")
        return grpc.unary_unary_rpc_method_handler(run)

    def Down(self):
        def run(request, context):
            for number in range(int(request)):
                yield b"%d" % number
        return grpc.unary_stream_rpc_method_handler(run)

    def Up(self):
        def run(requests, context):
            return b"%d" % sum(len(each) for each in requests)
        return grpc.stream_unary_rpc_method_handler(run)

    def Both(self):
        def run(requests, context):
            for each in requests:
                yield b"<" + each + b">"
        return grpc.stream_stream_rpc_method_handler(run)

    def Hang(self):
        def run(request, context):
            context.add_callback(self.ended.set)
            yield b"begun"
            self.ended.wait(20)
        return grpc.unary_stream_rpc_method_handler(run)

    def Broken(self):
        def run(request, context):
            yield b"one"
            context.abort(grpc.StatusCode.DATA_LOSS, "halfway")
        return grpc.unary_stream_rpc_method_handler(run)


def fails(call):
    """The status, the details and the trailers of a call that fails."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details(), dict(error.trailing_metadata() or ())
    return None, "it did not fail", {}


def calls(channel, service, what):
    unary = channel.unary_unary("/t.T/Unary")
    reply, call = unary.with_call(b"hello", metadata=(("x-mine", "mine"),), timeout=15)
    last = dict(call.trailing_metadata())
    check(what + "unary", reply == b"<hello>", reply)
    check(what + "metadata in front", dict(call.initial_metadata()).get("x-first") == "mine")
    check(what + "metadata behind", last.get("x-last") == "yes" and last.get("raw-bin") == b"\x00\xff")
    left = float(last.get("x-left", 0))
    # What the client writes for 15 s may be a little more: it rounds up.
    check(what + "grpc-timeout as it was", 10 < left <= 16, left)

    code, details, _ = fails(lambda: channel.unary_unary("/t.T/Fail")(b"", timeout=15))
    check(what + "an error of the backend",
          code == grpc.StatusCode.FAILED_PRECONDITION and details == "n\u00f6 % not now", code, details)
    code, _, _ = fails(lambda: channel.unary_unary("/t.T/None")(b"", timeout=15))
    check(what + "a method the backend lacks", code == grpc.StatusCode.UNIMPLEMENTED, code)
    got = []

    def broken():
        for each in channel.unary_stream("/t.T/Broken")(b"", timeout=15):
            got.append(each)
    code, details, _ = fails(broken)
    check(what + "an error behind content",
          got == [b"one"] and code == grpc.StatusCode.DATA_LOSS and details == "halfway", got, code)

    count = len(list(channel.unary_stream("/t.T/Down")(b"3000", timeout=60)))
    check(what + "server streaming", count == 3000, count)
    reply = channel.stream_unary("/t.T/Up")((b"x" * 50_000 for _ in range(100)), timeout=60)
    check(what + "client streaming", reply == b"5000000", reply)
    got = []

    def turns():
        for number in range(200):
            yield b"%d" % number
            while len(got) <= number:
                time.sleep(0.0005)
    for each in channel.stream_stream("/t.T/Both")(turns(), timeout=60):
        got.append(each)
    check(what + "both, by turns", got == [b"<%d>" % number for number in range(200)], len(got))

    service.ended.clear()
    stream = channel.unary_stream("/t.T/Hang")(b"")
    check(what + "a call begins", next(stream) == b"begun")
    stream.cancel()
    check(what + "the backend hears that it is cancelled", service.ended.wait(10))
    service.ended.clear()
    code, _, _ = fails(lambda: list(channel.unary_stream("/t.T/Hang")(b"", timeout=0.5)))
    check(what + "a deadline", code == grpc.StatusCode.DEADLINE_EXCEEDED, code)
    check(what + "the backend hears of it", service.ended.wait(10))

    many = [unary.future(b"%d" % number, timeout=30) for number in range(300)]
    right = sum(each.result() == b"<%d>" % number for number, each in enumerate(many))
    check(what + "300 calls at once", right == 300, right)
    check(what + "on few connections", len(service.peers) <= 3, service.peers)

    code, details, trailers = fails(lambda: channel.unary_unary("/t.Closed/X")(b"x", timeout=15))
    check(what + "a blocked method", code == grpc.StatusCode.UNIMPLEMENTED
          and "POST is not allowed" in details and "methodgate-event" in trailers, code, details)
    code, details, _ = fails(lambda: list(
        channel.stream_stream("/t.Closed/X")(iter([b"x" * 1000] * 100), timeout=15)))
    check(what + "a blocked stream", code == grpc.StatusCode.UNIMPLEMENTED, code, details)
    much = tuple(("x-%d" % number, "value") for number in range(150))
    code, details, trailers = fails(
        lambda: channel.unary_unary("/t.T/Unary")(b"x", metadata=much, timeout=15))
    check(what + "more metadata than the limit", code == grpc.StatusCode.RESOURCE_EXHAUSTED
          and "methodgate-event" in trailers, code, details)
    code, details, _ = fails(lambda: channel.unary_unary("/t.Gone/X")(b"x", timeout=15))
    check(what + "no backend", code == grpc.StatusCode.UNAVAILABLE, code, details)


def gate(program, folder, text):
    path = os.path.join(folder, "gate.yaml")
    with open(path, "w") as file:
        file.write(text)
    process = subprocess.Popen(
        [program, "run", "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if line.startswith("listening on "):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return process, line.split(":")[-1].strip()
        print(line, end="")
    sys.exit("the gate did not start")


CONFIGURATION = """\
listen: [{{address: "127.0.0.1:0", {listen}}}]
backends:
  app: {app}
  gone: h2c://127.0.0.1:1
defaults: {{methods: [POST], backend: app}}
rules:
  /t.Closed/{{x...}}: [GET]
  /t.Gone/{{x...}}: {{methods: [POST], backend: gone}}
"""


def run(program, folder, is_secure):
    service = Service()
    server = grpc.server(futures.ThreadPoolExecutor(64), handlers=[service])
    if is_secure:
        key, certificate = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        with open(key, "rb") as file:
            key_text = file.read()
        with open(certificate, "rb") as file:
            text = file.read()
        credentials = grpc.ssl_server_credentials([(key_text, text)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
        listen = "tls: {certificate: %s, key: %s}" % (certificate, key)
        app = '{url: "https://localhost:%d", protocol: h2, tls: {ca: %s}}' % (port, certificate)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
        listen, app = "h2c: true", "h2c://127.0.0.1:%d" % port
    server.start()
    process, front = gate(program, folder, CONFIGURATION.format(listen=listen, app=app))
    try:
        if is_secure:
            channel = grpc.secure_channel(
                "localhost:" + front, grpc.ssl_channel_credentials(text))
        else:
            channel = grpc.insecure_channel("127.0.0.1:" + front)
        with channel:
            calls(channel, service, "TLS: " if is_secure else "")
    finally:
        process.terminate()
        check("the gate ends well", process.wait(40) == 0, process.returncode)
        server.stop(None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gate", required=True, help="the program")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for is_secure in (False, True):
            run(os.path.abspath(arguments.gate), folder, is_secure)
    print("%d failed" % len(failures))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
