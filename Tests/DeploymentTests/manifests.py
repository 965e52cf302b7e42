#!/usr/bin/env python3
"""Holds the Dockerfile, the Compose file and the Kubernetes manifests against the program: ports,
probes, paths, mounts, users, stop signal and grace periods are what its own configuration says.

    manifests.py GATE            checks the repository; 1 and a line for each finding where one is
    manifests.py GATE --mutate   spoils each in turn and demands that it is found

Needs PyYAML; exits 77 and says so where it is not there."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

try:
    import yaml
except ImportError:
    print("manifests: NOT TESTED: this needs PyYAML (python3-yaml)")
    sys.exit(77)

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
# What a test may change, and so what it copies.
FILES = ["Dockerfile", "config", "systemd/methodgate.service"]
CONFIGURATION = "/etc/methodgate/methodgate.yaml"


class Findings(list):
    def check(self, holds, what):
        if not holds:
            self.append(what)


def seconds(text):
    """`35s`, `1m30s` or `500ms`, as the gate and Compose write it."""
    units = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
    parts = re.findall(r"(\d+)(ms|s|m|h)", str(text))
    return sum(int(number) * units[unit] for number, unit in parts)


def port(address):
    return int(str(address).rsplit(":", 1)[1])


class Gate:
    """The program under test."""

    def __init__(self, binary):
        self.binary = binary
        schema = subprocess.run([binary, "schema"], check=True, capture_output=True)
        self.schema = json.loads(schema.stdout)
        self.drain_default = self.schema["$defs"]["timeouts"]["properties"]["drain"]["default"]

    def drain(self, configuration):
        return seconds(configuration.get("timeouts", {}).get("drain", self.drain_default))

    def problems(self, text):
        """What `check` says of a configuration; a backend's name needs no resolver here."""
        text = re.sub(r"(http://)[a-z-]+(:\d+)?", r"\g<1>127.0.0.1\2", text)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            done = subprocess.run([self.binary, "check", "-c", file.name, "--json"],
                                  capture_output=True, check=False)
        report = json.loads(done.stdout)
        # Beyond its host the endpoint is meant to be reached, by the orchestrator alone.
        return [d for d in report["diagnostics"] if "admin" not in d.get("key", d["message"])]

    def statuses(self, text, paths):
        """What a running gate answers on its admin endpoint."""
        text = re.sub(r"(http://)[a-z-]+(:\d+)?", r"\g<1>127.0.0.1\2", text)
        text = re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", text)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "methodgate.yaml")
            file.write_text(text, encoding="utf-8")
            with subprocess.Popen([self.binary, "run", "-c", file], stderr=subprocess.PIPE,
                                  stdout=subprocess.DEVNULL, text=True) as process:
                try:
                    for line in process.stderr:
                        if "admin endpoint on " in line:
                            break
                    else:
                        return {}
                    connection = http.client.HTTPConnection(
                        "127.0.0.1", port(line.strip()), timeout=10)
                    found = {}
                    for path in paths:
                        connection.request("GET", path)
                        answer = connection.getresponse()
                        answer.read()
                        found[path] = answer.status
                    return found
                finally:
                    process.send_signal(signal.SIGTERM)
                    process.wait(20)


class Image:
    """What the Dockerfile's last stage says."""

    def __init__(self, text):
        stage = re.sub(r"\\\n\s*", "", text).split("\nFROM ")[-1]
        lines = [line.split(None, 1) for line in stage.split("\n")[1:]
                 if line and not line.startswith("#")]
        said = dict(lines)
        self.user = said["USER"]
        self.ports = [int(word) for word in said["EXPOSE"].split()]
        self.stop_signal = said["STOPSIGNAL"]
        self.command = json.loads(said["ENTRYPOINT"]) + json.loads(said["CMD"])
        self.health = json.loads(re.search(r"CMD (\[.*\])", said["HEALTHCHECK"])[1])

    @property
    def file(self):
        return self.command[self.command.index("--config") + 1]

    @property
    def health_port(self):
        return port(self.health[self.health.index("--admin") + 1])


def check_configuration(found, gate, name, text):
    problems = gate.problems(text)
    found.check(not problems, f"{name}: does not pass `methodgate check`: {problems}")
    return yaml.safe_load(text)


def check_image(found, gate, image, text):
    configuration = check_configuration(found, gate, "config/container.yaml", text)
    wanted = [port(entry["address"]) for entry in configuration["listen"]]
    wanted.append(port(configuration["admin"]["address"]))
    found.check(image.ports == wanted, f"Dockerfile: EXPOSE {image.ports} is not {wanted}")
    found.check(image.health_port == wanted[-1],
                f"Dockerfile: HEALTHCHECK asks port {image.health_port}, not {wanted[-1]}")
    found.check(re.fullmatch(r"[1-9]\d*:[1-9]\d*", image.user),
                f"Dockerfile: USER {image.user} is no numbers other than root's")
    found.check(image.stop_signal == "SIGTERM",
                f"Dockerfile: STOPSIGNAL {image.stop_signal} does not drain")
    found.check(image.file == CONFIGURATION, f"Dockerfile: CMD reads {image.file}")
    found.check(image.health[0] == image.command[0],
                "Dockerfile: HEALTHCHECK runs another program")
    found.check(min(wanted) > 1023, "config/container.yaml: a port below 1024 needs root")


def check_compose(found, gate, image, root):
    file = yaml.safe_load((root / "config/compose.yaml").read_text(encoding="utf-8"))
    service = file["services"]["methodgate"]
    mounts = [mount.split(":") for mount in service["volumes"]]
    folders = [source for source, target, mode in mounts
               if target == os.path.dirname(image.file) and mode == "ro"]
    found.check(len(folders) == 1,
                "compose: no folder is mounted read-only where the image reads its configuration")
    if len(folders) != 1:
        return
    text = (root / "config" / folders[0] / os.path.basename(image.file)).read_text(encoding="utf-8")
    configuration = check_configuration(found, gate, "compose: its configuration", text)
    listens = [port(entry["address"]) for entry in configuration["listen"]]
    published = [int(entry.split(":")[-1]) for entry in service["ports"]]
    found.check(published == listens, f"compose: publishes {published}, listens on {listens}")
    admin = configuration.get("admin", {}).get("address", ":0")
    found.check(port(admin) == image.health_port,
                f"compose: HEALTHCHECK asks port {image.health_port}, admin is {admin}")
    grace = seconds(service["stop_grace_period"])
    found.check(grace > gate.drain(configuration),
                f"compose: stop_grace_period {grace} s is not above timeouts.drain")
    found.check(service.get("stop_signal", image.stop_signal) == image.stop_signal,
                "compose: stop_signal is not the image's")
    found.check(service.get("user", image.user) == image.user, "compose: user is not the image's")
    found.check(service.get("read_only") is True, "compose: the root is writable")
    found.check(service.get("cap_drop") == ["ALL"], "compose: capabilities are kept")
    found.check("no-new-privileges:true" in service.get("security_opt", []),
                "compose: new privileges are possible")
    found.check(configuration.get("reload_on_change") is True,
                "compose: its configuration is not reloaded on change, but the file says so")
    check_log(found, "compose", configuration, [])
    for name, url in configuration["backends"].items():
        host, _, number = url.removeprefix("http://").partition(":")
        other = file["services"].get(host)
        found.check(other and number in other.get("expose", []) and host in service["depends_on"],
                    f"compose: backend {name} is at {url}, which no service exposes")


def check_log(found, name, configuration, writable):
    """On a read-only root a log file needs a mount."""
    for log in configuration.get("log", {}).values():
        path = str(log.get("to", "")).removeprefix("file ")
        found.check(not path.startswith("/") or any(path.startswith(w) for w in writable),
                    f"{name}: the log {path} is on a read-only root")


def check_kubernetes(found, gate, image, root, is_running_checked):
    text = (root / "config/kubernetes/methodgate.yaml").read_text(encoding="utf-8")
    objects = {entry["kind"]: entry for entry in yaml.safe_load_all(text)}
    wanted = {"ConfigMap", "Deployment", "Service", "PodDisruptionBudget",
              "HorizontalPodAutoscaler"}
    found.check(set(objects) == wanted, f"kubernetes: {sorted(objects)} is not {sorted(wanted)}")
    if set(objects) != wanted:
        return
    deployment = objects["Deployment"]["spec"]
    template = deployment["template"]
    pod = template["spec"]
    container, = pod["containers"]
    data = objects["ConfigMap"]["data"]
    key = os.path.basename(image.file)
    found.check(list(data) == [key], f"kubernetes: the ConfigMap has {list(data)}, not {key}")
    configuration = check_configuration(
        found, gate, "kubernetes: the ConfigMap", data.get(key, next(iter(data.values()))))
    found.check(configuration.get("reload_on_change") is True,
                "kubernetes: a changed ConfigMap is not taken: reload_on_change is off")
    check_log(found, "kubernetes", configuration, [])
    check_mount(found, image, objects, pod, container)
    check_ports(found, image, configuration, objects, template, container)
    check_rights(found, image, pod, container)
    check_counts(found, objects, deployment, container)
    sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    grace = pod["terminationGracePeriodSeconds"]
    found.check(sleep > 0, "kubernetes: it stops accepting before anybody was told")
    found.check(grace > sleep + gate.drain(configuration),
                f"kubernetes: terminationGracePeriodSeconds {grace} is not above preStop's {sleep} s "
                "and timeouts.drain")
    found.check(container.get("command", image.command[:1]) == image.command[:1]
                and container.get("args", image.command[1:]) == image.command[1:],
                "kubernetes: the command is not the image's")
    probes = [container[name]["httpGet"]["path"] for name in ("livenessProbe", "readinessProbe")]
    found.check(probes == ["/livez", "/readyz"], f"kubernetes: the probes ask {probes}")
    if is_running_checked:
        paths = probes + [template["metadata"]["annotations"]["prometheus.io/path"]]
        statuses = gate.statuses(data[key], paths)
        found.check(statuses == dict.fromkeys(paths, 200),
                    f"kubernetes: a gate with that configuration answers {statuses}")


def check_mount(found, image, objects, pod, container):
    mount, = container["volumeMounts"]
    found.check(mount["mountPath"] == os.path.dirname(image.file),
                f"kubernetes: mounted at {mount['mountPath']}, read from {image.file}")
    found.check("subPath" not in mount, "kubernetes: a subPath never changes")
    found.check(mount.get("readOnly") is True, "kubernetes: the configuration is writable")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    source = volumes.get(mount["name"], {}).get("configMap", {}).get("name")
    found.check(source == objects["ConfigMap"]["metadata"]["name"],
                "kubernetes: the volume is not the ConfigMap")


def check_ports(found, image, configuration, objects, template, container):
    ports = {entry["name"]: entry["containerPort"] for entry in container["ports"]}
    listens = [port(entry["address"]) for entry in configuration["listen"]]
    admin = port(configuration["admin"]["address"])
    found.check([ports.get("http")] == listens,
                f"kubernetes: containerPort http is {ports.get('http')}, listens on {listens}")
    found.check(ports.get("admin") == admin,
                f"kubernetes: containerPort admin is {ports.get('admin')}, the endpoint on {admin}")
    found.check(image.health_port == admin, "kubernetes: the image's HEALTHCHECK asks another port")
    found.check(str(configuration["admin"]["address"]).startswith("0.0.0.0:"),
                "kubernetes: the kubelet does not reach the endpoint")
    for name in ("livenessProbe", "readinessProbe"):
        asked = container[name]["httpGet"]["port"]
        found.check(ports.get(asked, asked) == admin, f"kubernetes: {name} asks port {asked}")
    targets = [entry["targetPort"] for entry in objects["Service"]["spec"]["ports"]]
    found.check(targets == ["http"], f"kubernetes: the Service leads to {targets}")
    scraped = template["metadata"]["annotations"]["prometheus.io/port"]
    found.check(scraped == str(admin), f"kubernetes: Prometheus is sent to port {scraped}")


def check_rights(found, image, pod, container):
    context = pod["securityContext"]
    own = container["securityContext"]
    found.check(f"{context['runAsUser']}:{context['runAsGroup']}" == image.user,
                f"kubernetes: runs as {context['runAsUser']}, the image as {image.user}")
    found.check(context.get("runAsNonRoot") is True, "kubernetes: may run as root")
    found.check(own.get("readOnlyRootFilesystem") is True, "kubernetes: the root is writable")
    found.check(own.get("allowPrivilegeEscalation") is False,
                "kubernetes: new privileges are possible")
    found.check(own.get("capabilities") == {"drop": ["ALL"]}, "kubernetes: capabilities are kept")
    found.check(pod.get("automountServiceAccountToken") is False,
                "kubernetes: the gate gets a token it does not need")


def check_counts(found, objects, deployment, container):
    labels = deployment["template"]["metadata"]["labels"]
    for name, selector in [("Deployment", deployment["selector"]["matchLabels"]),
                           ("Service", objects["Service"]["spec"]["selector"]),
                           ("PodDisruptionBudget",
                            objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"])]:
        found.check(selector.items() <= labels.items(),
                    f"kubernetes: {name} selects {selector}, pods have {labels}")
    scaler = objects["HorizontalPodAutoscaler"]["spec"]
    target = {k: scaler["scaleTargetRef"][k] for k in ("apiVersion", "kind", "name")}
    found.check(target == {"apiVersion": objects["Deployment"]["apiVersion"], "kind": "Deployment",
                           "name": objects["Deployment"]["metadata"]["name"]},
                f"kubernetes: {target} is scaled")
    found.check("cpu" in container["resources"].get("requests", {}),
                "kubernetes: a share of the CPU is nothing without a request of it")
    least = scaler["minReplicas"]
    unavailable = objects["PodDisruptionBudget"]["spec"]["maxUnavailable"]
    found.check(0 < unavailable < least,
                f"kubernetes: {unavailable} of {least} pods may be taken away")
    found.check("replicas" not in deployment,
                "kubernetes: applying it anew takes back what the autoscaler did")


def check_unit(found, gate, root):
    text = (root / "systemd/methodgate.service").read_text(encoding="utf-8")
    stop = seconds(re.search(r"^TimeoutStopSec=(.*)$", text, re.M)[1])
    found.check(stop > seconds(gate.drain_default),
                f"methodgate.service: TimeoutStopSec {stop} s is not above timeouts.drain")


def findings(gate, root, is_running_checked=False):
    found = Findings()
    image = Image((root / "Dockerfile").read_text(encoding="utf-8"))
    check_image(found, gate, image, (root / "config/container.yaml").read_text(encoding="utf-8"))
    check_compose(found, gate, image, root)
    check_kubernetes(found, gate, image, root, is_running_checked)
    check_unit(found, gate, root)
    return found


KUBERNETES = "config/kubernetes/methodgate.yaml"
# File, what stands there, what is put in its place, and a part of what must be found.
MUTATIONS = [
    ("Dockerfile", "EXPOSE 8080 9100", "EXPOSE 8080 9101", "EXPOSE"),
    ("Dockerfile", "127.0.0.1:9100", "127.0.0.1:9101", "HEALTHCHECK asks"),
    ("Dockerfile", "USER 65532:65532", "USER 0:0", "USER"),
    ("Dockerfile", "STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "STOPSIGNAL"),
    ("Dockerfile", '"--config", "/etc/methodgate/', '"--config", "/etc/', "CMD reads"),
    ("config/container.yaml", "methods:", "method:", "container.yaml: does not pass"),
    ("config/container.yaml", "0.0.0.0:8080", "0.0.0.0:80", "EXPOSE"),
    ("config/compose.yaml", "8080:8080", "8080:8081", "compose: publishes"),
    ("config/compose.yaml", "stop_grace_period: 35s", "stop_grace_period: 30s", "stop_grace_period"),
    ("config/compose.yaml", "read_only: true", "read_only: false", "root is writable"),
    ("config/compose.yaml", "cap_drop: [ALL]", "cap_drop: []", "capabilities are kept"),
    ("config/compose.yaml", ":/etc/methodgate:ro", ":/etc/gate:ro", "no folder is mounted"),
    ("config/compose.yaml", '- "80"', '- "81"', "no service exposes"),
    ("config/compose/methodgate.yaml", "9100", "9101", "admin is"),
    (KUBERNETES, "reload_on_change: true", "reload_on_change: false", "reload_on_change is off"),
    (KUBERNETES, "methods: [GET, HEAD]", "methods: [GETT]", "the ConfigMap: does not pass"),
    (KUBERNETES, "  methodgate.yaml: |", "  gate.yaml: |", "the ConfigMap has"),
    (KUBERNETES, "mountPath: /etc/methodgate", "mountPath: /etc/gate", "mounted at"),
    (KUBERNETES, "mountPath: /etc/methodgate,", "mountPath: /etc/methodgate, subPath: x,", "subPath"),
    (KUBERNETES, "containerPort: 8080", "containerPort: 80", "containerPort http"),
    (KUBERNETES, "containerPort: 9100", "containerPort: 9101", "containerPort admin"),
    (KUBERNETES, "path: /readyz, port: admin", "path: /readyz, port: http", "readinessProbe asks"),
    (KUBERNETES, "path: /livez", "path: /readyz", "the probes ask"),
    (KUBERNETES, 'prometheus.io/port: "9100"', 'prometheus.io/port: "8080"', "Prometheus is sent"),
    (KUBERNETES, "runAsUser: 65532", "runAsUser: 1000", "runs as"),
    (KUBERNETES, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "root is writable"),
    (KUBERNETES, "terminationGracePeriodSeconds: 40", "terminationGracePeriodSeconds: 35",
     "terminationGracePeriodSeconds"),
    (KUBERNETES, "targetPort: http", "targetPort: admin", "the Service leads"),
    (KUBERNETES, "maxUnavailable: 1\n  selector", "maxUnavailable: 2\n  selector", "taken away"),
    (KUBERNETES, "kind: Deployment, name: methodgate", "kind: Deployment, name: gate", "is scaled"),
    (KUBERNETES, "cpu: 100m, ", "", "nothing without a request"),
    ("systemd/methodgate.service", "TimeoutStopSec=45s", "TimeoutStopSec=20s", "TimeoutStopSec"),
]


def mutate(gate):
    """What was spoiled and not found."""
    missed = Findings()
    for file, old, new, expected in MUTATIONS:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in FILES:
                source, target = REPOSITORY / name, root / name
                target.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
            text = (root / file).read_text(encoding="utf-8")
            missed.check(old in text, f"{file}: there is no '{old}' to spoil")
            (root / file).write_text(text.replace(old, new, 1), encoding="utf-8")
            found = findings(gate, root)
        missed.check(any(expected in finding for finding in found),
                     f"{file}: '{new}' in the place of '{old}' gives {found}")
    return missed


def main(binary, *options):
    gate = Gate(binary)
    if options == ("--mutate",):
        found, done = mutate(gate), f"{len(MUTATIONS)} mistakes are found"
    else:
        found, done = findings(gate, REPOSITORY, is_running_checked=True), "all agree"
    for finding in found:
        print(f"manifests: {finding}")
    if not found:
        print(f"manifests: {done}")
    return 1 if found else 0


if __name__ == "__main__":
    started = time.monotonic()
    status = main(*sys.argv[1:])
    print(f"manifests: {time.monotonic() - started:.1f} s")
    sys.exit(status)
