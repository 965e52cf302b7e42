"""The proxies under test: each renders its configuration and gives the command to start it."""

import contextlib
import os
import shlex
import subprocess

from . import rules as rule_sets
from .processes import Server, free_port

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CONNECTIONS = 19_000


class Workbench:
    """What all servers of a run share: a directory, the cores, the descriptor limit."""

    def __init__(self, directory, proxy_core, load_core, descriptors, gate_command):
        self.directory = directory
        self.proxy_core = proxy_core
        self.load_core = load_core
        self.descriptors = descriptors
        self.gate_command = gate_command
        self.backend_port = None
        # The file with certificate and key that proxies serve TLS by; None: plain HTTP.
        self.certificate = None
        self._serial = 0

    def path(self, name):
        return os.path.join(self.directory, name)

    def render(self, template, name, **values):
        """Fills a template of peers/ in; returns the path of the result."""
        with open(os.path.join(HERE, "peers", template)) as file:
            text = file.read()
        values.setdefault("DIR", self.directory)
        values.setdefault("NOFILE", self.descriptors)
        values.setdefault("CONNECTIONS", min(CONNECTIONS, self.descriptors - 100))
        values.setdefault("MAXCONN", min(CONNECTIONS // 2, (self.descriptors - 200) // 2))
        values.setdefault("BACKEND", self.backend_port)
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    @contextlib.contextmanager
    def tls(self):
        """Proxies that are started meanwhile speak TLS: ECDSA on P-256, as sites have it."""
        path = self.path("tls.pem")
        command = [
            find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", path + ".key", "-out", path + ".crt",
        ]  # fmt: skip
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        with open(path, "w") as file:
            for part in (".crt", ".key"):
                with open(path + part) as source:
                    file.write(source.read())
        self.certificate = path
        try:
            yield
        finally:
            self.certificate = None

    def start(self, name, command, port, core):
        self._serial += 1
        log = self.path(f"{self._serial:02}-{name}.log")
        server = Server(name, command, port, core, log)
        server.scheme = "https" if self.certificate and name != "backend" else "http"
        try:
            server.startup_seconds = server.wait_until_ready()
        except BaseException:
            server.__exit__()
            raise
        return server

    def start_backend(self):
        os.makedirs(self.path("files/static"), exist_ok=True)
        with open(self.path("files/static/16k"), "wb") as file:
            file.write(b"0123456789abcdef" * 1024)
        self.backend_port = free_port()
        config = self.render(
            "backend.conf", "backend.conf", PORT=self.backend_port, HUNDRED="0123456789" * 10
        )
        return self.start("backend", nginx_command(config), self.backend_port, self.load_core)


def nginx_command(config):
    return [find("nginx"), "-c", config, "-g", "daemon off;"]


def find(program):
    """The program's path; Debian keeps daemons in /usr/sbin, which is not in every PATH."""
    for folder in os.environ.get("PATH", "").split(":") + ["/usr/sbin"]:
        path = os.path.join(folder, program)
        if os.access(path, os.X_OK):
            return path
    raise SystemExit(f"bench: {program} is missing")


def start_nginx(bench, rules, log, buffers, http2=False):
    """With `http2` its port speaks nothing else."""
    port = free_port()
    maps, locations = rule_sets.for_nginx(rules)
    config = bench.render(
        "nginx.conf",
        f"nginx-{port}.conf",
        PORT=port,
        HTTP2=" http2" if http2 else "",
        ACCESS_LOG=log or "off",
        BUFFERS=f"proxy_buffer_size {buffers}; proxy_buffers 8 {buffers};" if buffers else "",
        MAPS=maps,
        SSL=" ssl" if bench.certificate else "",
        CERTIFICATE=(
            f"ssl_certificate {bench.certificate}; ssl_certificate_key {bench.certificate}; "
            "ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;"
            if bench.certificate
            else ""
        ),
        LOCATIONS=locations,
    )
    return bench.start("nginx", nginx_command(config), port, bench.proxy_core)


def start_haproxy(bench, rules, log, buffers, http2=False):
    """Its log goes to its standard output, which the harness has in a file."""
    port = free_port()
    config = bench.render(
        "haproxy.cfg",
        f"haproxy-{port}.cfg",
        PORT=port,
        HTTP2=" proto h2" if http2 else "",
        BUFFERS=f"tune.bufsize {buffers}" if buffers else "",
        SSL=f" ssl crt {bench.certificate} alpn http/1.1" if bench.certificate else "",
        LOG="log stdout format raw local0 info\n    option httplog" if log else "no log",
        RULES=rule_sets.for_haproxy(rules),
    )
    return bench.start("haproxy", [find("haproxy"), "-db", "-f", config], port, bench.proxy_core)


def start_nghttpx(bench, rules, log, buffers, http2=True):
    """It knows no rules: it forwards everything."""
    port = free_port()
    command = [
        find("nghttpx"), "--conf=/dev/null", "--workers=1", "--log-level=FATAL",
        f"--frontend=127.0.0.1,{port};no-tls", f"--backend=127.0.0.1,{bench.backend_port}",
        "--backend-connections-per-host=256", "--backend-keep-alive-timeout=1h",
        "--frontend-http2-read-timeout=1h",
    ]  # fmt: skip
    return bench.start("nghttpx", command, port, bench.proxy_core)


def start_methodgate(bench, rules, log, _, http2=False):
    """It has no buffers to choose: it reads up to 128 KiB at once."""
    port = free_port()
    config = bench.render(
        "methodgate.yaml",
        f"methodgate-{port}.yaml",
        PORT=port,
        TLS=f"tls: {{certificate: {bench.certificate}}}" if bench.certificate else "",
        BLOCKS=f"file {log or '/dev/null'}",
        HTTP2="h2c: true" if http2 else "",
        RULES=rule_sets.for_methodgate(rules),
    )
    command = [
        part.format(config=config, port=port, backend=bench.backend_port)
        for part in shlex.split(bench.gate_command)
    ]
    server = bench.start("methodgate", command, port, bench.proxy_core)
    server.config = config
    return server


STARTERS = {
    "methodgate": start_methodgate, "nginx": start_nginx, "haproxy": start_haproxy,
    "nghttpx": start_nghttpx,
}  # fmt: skip
