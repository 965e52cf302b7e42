#!/usr/bin/env python3
"""Takes each mechanism of mutations.yaml out once and sees the tests fail that it names.

Works on a copy of the tree, which it builds once and then again for each mutation: half an hour
on two cores. Arguments: numbers of invariants, and of promises as `P24`; without any, all. Exit status 1 where a test did
not fail, or the copy as it is does not pass. With --check it only looks whether every line that
is to be replaced is there.
"""

import contextlib
import filecmp
import os
import re
import shutil
import signal
import subprocess
import sys
import threading

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COPY = os.path.join(ROOT, ".build-mutations")
# What is taken out may make a test wait for ever.
SECONDS = 300
SWIFT = os.environ.get("SWIFT", "swift")


def main():
    with open(os.path.join(HERE, "mutations.yaml")) as file:
        mutations = yaml.safe_load(file)
    if sys.argv[1:] == ["--check"]:
        sys.exit(1 if stale(mutations) else 0)
    wanted = set(sys.argv[1:])
    unknown = wanted - {number(one) for one in mutations}
    if unknown:
        sys.exit(f"mutations: none is about {', '.join(sorted(unknown))}")
    mutations = [one for one in mutations if not wanted or number(one) in wanted]
    copy_tree()
    if not build():
        sys.exit("mutations: the tree does not build")
    names = sorted({name for one in mutations for name in one["fails"]})
    failed = failures(names)
    if failed is None or failed:
        sys.exit(f"mutations: fails without any mutation: {failed or 'to run'}")
    survivors = 0
    for one in mutations:
        survivors += not dies(one)
    print(f"methodgate: {len(mutations) - survivors} mechanisms missed, {survivors} not")
    sys.exit(1 if survivors else 0)


def number(mutation):
    """Of what rests on the mechanism."""
    return str(mutation.get("invariant") or mutation["promise"])


def stale(mutations):
    """Says which mutations are about code that has changed since; how many those are."""
    count = 0
    for one in mutations:
        with open(os.path.join(ROOT, one["file"])) as file:
            if file.read().count(one["old"]) != 1:
                count += 1
                print(f"mutations: {one['without']}: not once in {one['file']}", file=sys.stderr)
    return count


def copy_tree():
    """What git knows of, and what is new: no build products."""
    os.makedirs(COPY, exist_ok=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout  # fmt: skip
    for name in os.fsdecode(listed).split("\0"):
        source, target = os.path.join(ROOT, name), os.path.join(COPY, name)
        # What is the same keeps its time, so that it is not compiled again.
        if not os.path.isfile(source) or same(source, target):
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target)


def same(source, target):
    return os.path.isfile(target) and filecmp.cmp(source, target, shallow=False)


def build():
    command = [SWIFT, "build", "--build-tests"]
    result = subprocess.run(command, cwd=COPY, capture_output=True, text=True)
    if result.returncode:
        print(result.stdout[-3000:], file=sys.stderr)
    return result.returncode == 0


def failures(names):
    """The tests among `names` that fail; None where the run ended early."""
    pattern = "|".join(re.escape(name) for name in names)
    command = [SWIFT, "test", "--skip-build", "--filter", pattern]
    output = run_whole(command)
    ran = re.search(r"Test run with ([0-9]+) tests?", output)
    if ran and ran[1] == "0":
        return None
    failed = set(re.findall(r'^. Test "?(.*?)"? (?:with \d+ test cases? )?failed after', output, re.M))
    if not ran and not failed:
        # A crash or a hang is noticed as well: the test that was running failed.
        begun = set(re.findall(r'^. Test "?(.*?)"? started\.$', output, re.M))
        ended = set(re.findall(r'^. Test "?(.*?)"? (?:with .*)?(?:passed|failed) after', output, re.M))
        failed = begun - ended
    return {name for name in names if any(name in one for one in failed)}


def run_whole(command):
    """What it prints in `SECONDS` at most; its children end with it."""
    process = subprocess.Popen(
        command, cwd=COPY, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    timer = threading.Timer(SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    try:
        return process.communicate()[0]
    finally:
        timer.cancel()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def dies(mutation):
    path = os.path.join(COPY, mutation["file"])
    with open(path) as file:
        text = file.read()
    title = f"{number(mutation)} without {mutation['without']}"
    if text.count(mutation["old"]) != 1:
        print(f"FAIL {title}: {mutation['file']} has the text {text.count(mutation['old'])} times")
        return False
    try:
        with open(path, "w") as file:
            file.write(text.replace(mutation["old"], mutation["new"]))
        if not build():
            print(f"FAIL {title}: does not build")
            return False
        failed = failures(mutation["fails"])
    finally:
        with open(path, "w") as file:
            file.write(text)
    missed = [name for name in mutation["fails"] if name not in (failed or set())]
    for name in missed:
        print(f"FAIL {title}: passes: {name}", flush=True)
    if not missed:
        print(f"ok   {title}: {', '.join(mutation['fails'])}", flush=True)
    return not missed


if __name__ == "__main__":
    main()
