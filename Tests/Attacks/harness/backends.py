"""The backends: real servers and frameworks, each with its own ideas of a path.

Each answers a POST with `X-Reached: admin: IDEAS` where the handler below `/admin/` is what it
found, or would be under one of the ideas of a path that are in use on its platform, and with
`X-Reached: -` where it is not.
"""

import contextlib
import glob
import os
import subprocess
import sys

from . import processes

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "backends")


def _render(name, folder, port):
    with open(os.path.join(HERE, name)) as file:
        text = file.read().replace("@DIR@", folder).replace("@PORT@", str(port))
    path = os.path.join(folder, f"{port}-{name}")
    with open(path, "w") as file:
        file.write(text)
    return path


def _script(interpreter, name, *more):
    return lambda folder, port: [interpreter, os.path.join(HERE, name), str(port), *more]


def _java(name, jars):
    def command(folder, port):
        base = os.path.join(folder, f"java-{port}")
        os.makedirs(base, exist_ok=True)
        path = ":".join(jars)
        classes = ["-cp", path] if path else []
        options = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        return ["java", *options, *classes, os.path.join(HERE, name), str(port), base]

    return command


def _jars(*patterns):
    return [jar for pattern in patterns for jar in sorted(glob.glob(f"/usr/share/java/{pattern}"))]


def _tomcat_jars():
    return _jars(
        "tomcat10-*.jar", "tomcat10-embed*.jar", "el-api*.jar", "jsp-api*.jar", "*servlet-api*.jar"
    )


def _jetty_jars():
    names = ["http", "io", "server", "servlet", "security", "util", "util-ajax"]
    return _jars(*(f"jetty9-{name}.jar" for name in names), "servlet-api.jar", "slf4j-api.jar")


def _output(*command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except OSError:
        return ""
    return (result.stdout + result.stderr).strip()


def _python_with_flask():
    """Debian's own Python has Debian's Flask; the first in PATH may be another."""
    for python in ["/usr/bin/python3", sys.executable]:
        if _output(python, "-c", "import flask; print('found')") == "found":
            return python
    return None


class Backend:
    """How to start one, and the Debian packages that bring it."""

    # Whether it takes several requests of one connection before it has answered the first.
    pipelines = True

    def __init__(self, name, packages, is_there, command, environment=None):
        self.name = name
        self.packages = packages
        self.is_there = is_there
        self._command = command
        self._environment = environment

    @contextlib.contextmanager
    def running(self, folder, port):
        command = self._command(folder, port)
        with processes.running(
            self.name.replace(" ", "-"), command, port, folder, self._environment, seconds=120
        ):
            yield port


def _apache(folder, port):
    config = _render("apache_server.conf", folder, port)
    return [processes.find("apache2") or "apache2", "-D", "FOREGROUND", "-f", config]


def _nginx(folder, port):
    return [processes.find("nginx") or "nginx", "-c", _render("nginx_server.conf", folder, port)]


def _lighttpd(folder, port):
    config = _render("lighttpd_server.conf", folder, port)
    return [processes.find("lighttpd") or "lighttpd", "-D", "-f", config]


def _php(folder, port):
    return ["php", "-S", f"127.0.0.1:{port}", os.path.join(HERE, "router.php")]


def _has_rack():
    return _output("ruby", "-e", "require 'rack'; print 'found'") == "found"


def overriding():
    """The frameworks that take a method from fields, forms and JSON, installed or not. One reports
    with `X-Reached` that it takes the request for a DELETE, and by which of its ideas."""
    find = processes.find
    flask = _python_with_flask()
    tomcat = _tomcat_jars()
    express = os.path.isdir("/usr/share/nodejs/express") and os.path.isdir(
        "/usr/share/nodejs/busboy"
    )
    return [
        Backend(
            "PHP",
            "php-cli",
            bool(find("php")),
            lambda _, port: ["php", "-S", f"127.0.0.1:{port}", os.path.join(HERE, "override.php")],
            {"PHP_CLI_SERVER_WORKERS": "4"},
        ),
        Backend("Rack", "ruby-rack", _has_rack(), _script("ruby", "override_rack.rb")),
        Backend(
            "Flask", "python3-flask", bool(flask), _script(flask or "python3", "override_flask.py")
        ),
        Backend(
            "Express",
            "nodejs node-express node-busboy",
            bool(find("node")) and express,
            _script("node", "override_node.js"),
            {"NODE_PATH": "/usr/share/nodejs"},
        ),
        Backend(
            "Tomcat",
            "libtomcat10-embed-java default-jdk-headless",
            bool(find("javac")) and any("tomcat10" in jar for jar in tomcat),
            _java("OverrideTomcat.java", tomcat),
        ),
    ]


def every():
    """All backends, installed or not."""
    find = processes.find
    java = bool(find("javac"))
    flask = _python_with_flask()
    tomcat, jetty = _tomcat_jars(), _jetty_jars()
    found = [
        Backend(
            "Python http.server", "python3", True, _script(sys.executable, "python_server.py")
        ),
        Backend("nginx", "nginx-light", bool(find("nginx")), _nginx),
        Backend(
            "Node",
            "nodejs node-express",
            bool(find("node")),
            _script("node", "node_server.js"),
            # Where Debian keeps its modules.
            {"NODE_PATH": "/usr/share/nodejs"},
        ),
        Backend(
            "Flask", "python3-flask", bool(flask), _script(flask or "python3", "flask_server.py")
        ),
        Backend("JDK", "default-jdk-headless", java, _java("JdkServer.java", [])),
        Backend(
            "Tomcat",
            "libtomcat10-embed-java default-jdk-headless",
            java and any("tomcat10" in jar for jar in tomcat),
            _java("TomcatServer.java", tomcat),
        ),
        Backend(
            "Jetty",
            "libjetty9-java default-jdk-headless",
            java and any("jetty9" in jar for jar in jetty),
            _java("JettyServer.java", jetty),
        ),
        Backend(
            "PHP",
            "php-cli",
            bool(find("php")),
            _php,
            # More than one worker: a connection that is kept does not hold the others up.
            {"PHP_CLI_SERVER_WORKERS": "4"},
        ),
        Backend("httpd", "apache2-bin", bool(find("apache2")), _apache),
        Backend("lighttpd", "lighttpd", bool(find("lighttpd")), _lighttpd),
    ]
    for backend in found:
        backend.pipelines = backend.name != "PHP"
    return found
