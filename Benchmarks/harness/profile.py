"""Where a proxy's user time goes, by `perf record -e cpu-clock`: what the request path must not
do (allocate, count references, check exclusivity) as shares of the user time, with the callers.

Sampled, so a share has an error: with 2,000 user samples one of 2 % is right to about 0.3 %.
"""

import re
import subprocess

from . import load
from .peers import find

KINDS = {
    "allocation": r"malloc|calloc|realloc|^_?_?(libc_)?free$|_int_free|cfree|swift_alloc|swift_slow"
    r"|swift_dealloc|tcache",
    "reference counting": r"swift_retain|swift_release|swift_bridgeObject|RefCount|swift_unknown",
    "exclusivity checks": r"swift_beginAccess|swift_endAccess|AccessSet",
    "generic calls": r"swift_getWitnessTable|swift_conformsTo|swift_getGenericMetadata|Tj$",
}


def user_profile(bench, server, case, seconds=4):
    """{"samples": user samples, "user": share of user in all, "kinds": {kind: share},
    "callers": {kind: [(symbol, share), …]}, "top": [(symbol, share), …]}."""
    output = bench.path("perf.data")
    recorder = subprocess.Popen(
        [
            find("perf"), "record", "-q", "-e", "cpu-clock", "-F", "5000", "--call-graph", "fp",
            "-p", str(server.pid), "-o", output, "--", "sleep", str(seconds),
        ],  # fmt: skip
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    load.run(bench, server, case, seconds)
    recorder.wait()
    script = subprocess.run(
        [find("perf"), "script", "-i", output, "-F", "ip,sym,dso"], capture_output=True, text=True
    )
    return _summarise(list(_stacks(script.stdout)))


def _stacks(text):
    """Each sample as a list of (symbol, is kernel), the innermost first."""
    for block in text.split("\n\n"):
        frames = []
        for line in block.splitlines():
            match = re.match(r"\s*[0-9a-f]+ (.*) \((.*)\)$", line)
            if match:
                frames.append((match[1], "kernel" in match[2]))
        if frames:
            yield frames


def _summarise(stacks):
    user = [[symbol for symbol, _ in frames] for frames in stacks if not frames[0][1]]
    count = max(1, len(user))
    kinds, callers, top = {}, {}, {}
    for frames in user:
        leaf = frames[0]
        top[leaf] = top.get(leaf, 0) + 1
        for kind, pattern in KINDS.items():
            if re.search(pattern, leaf):
                kinds[kind] = kinds.get(kind, 0) + 1
                outer = next((one for one in frames if not _is_runtime(one)), "?")
                callers.setdefault(kind, {}).setdefault(outer, 0)
                callers[kind][outer] += 1
    return {
        "samples": len(user),
        "user": len(user) / max(1, len(stacks)),
        "kinds": {kind: kinds.get(kind, 0) / count for kind in KINDS},
        "callers": {kind: _ranked(found, count)[:4] for kind, found in callers.items()},
        "top": _ranked(top, count)[:12],
    }


def _is_runtime(symbol):
    """Whether this is the allocator or the Swift runtime rather than who called it."""
    if symbol.startswith("$s") and not symbol.endswith("Tj"):
        return symbol.startswith("$ss")
    return True


def _ranked(counts, total):
    return sorted(((name, n / total) for name, n in counts.items()), key=lambda item: -item[1])


def demangled(symbols):
    """Readable names, where the toolchain's demangler is at hand."""
    try:
        said = subprocess.run(
            ["swift", "demangle", "--compact", "--simplified"],
            input="\n".join(symbols), capture_output=True, text=True, check=True,
        )  # fmt: skip
        return said.stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return symbols
