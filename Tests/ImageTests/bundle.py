#!/usr/bin/env python3
"""Turns an image's configuration into what an OCI runtime takes, as an engine would: the user, the
command and the working directory are the image's; capabilities, new privileges and a writable root
are what `--cap-drop ALL --security-opt no-new-privileges --read-only` leave.

    bundle.py make IMAGE.json ROOT NETWORK [FOLDER]   FOLDER goes over /etc/methodgate
    bundle.py say  IMAGE.json stop | health           the stop signal; the health check's words
"""

import json
import sys


def mounts(folder):
    plain = ["nosuid", "noexec", "nodev"]
    yield {"destination": "/proc", "type": "proc", "source": "proc", "options": plain}
    yield {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
           "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}
    if folder:
        yield {"destination": "/etc/methodgate", "type": "bind", "source": folder,
               "options": ["rbind", "ro", "nosuid", "nodev"]}


def bundle(image, root, network, folder=None):
    user, group = (int(part) for part in image["User"].split(":"))
    if not user:
        sys.exit("bundle: the image runs as root")
    namespaces = [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]
    return {
        "ociVersion": "1.0.0",
        "process": {
            "terminal": False,
            "user": {"uid": user, "gid": group},
            "args": image["Entrypoint"] + image["Cmd"],
            "env": image["Env"],
            "cwd": image.get("WorkingDir") or "/",
            "capabilities": {},
            "noNewPrivileges": True,
            "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 4096, "soft": 1024}],
        },
        "root": {"path": root, "readonly": True},
        "hostname": "gate",
        "mounts": list(mounts(folder)),
        "linux": {"namespaces": namespaces + [{"type": "network", "path": network}]},
    }


def main(action, file, *rest):
    with open(file, encoding="utf-8") as text:
        image = json.load(text)["Docker"]["config"]
    if action == "make":
        print(json.dumps(bundle(image, *rest)))
    elif rest == ("stop",):
        print(image["StopSignal"])
    else:
        kind, *command = image["Healthcheck"]["Test"]
        if kind != "CMD":
            sys.exit(f"bundle: a health check by {kind} needs a shell")
        print("\n".join(command))


if __name__ == "__main__":
    main(*sys.argv[1:])
