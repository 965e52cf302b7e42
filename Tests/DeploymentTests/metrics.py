#!/usr/bin/env python3
"""Has others read what a gate exports: metrics.py HOST:PORT of its admin endpoint. The OpenMetrics
page is read by Prometheus' own strict parser (python3-prometheus-client), the older format by
promtool. Exits 1 on a finding; 77, and says so, where one of them is not there."""

import shutil
import subprocess
import sys
import urllib.request

missing = []
try:
    from prometheus_client.openmetrics import parser
except ImportError:
    parser = None
    missing.append("python3-prometheus-client")
if not shutil.which("promtool"):
    missing.append("promtool (of Debian's prometheus)")


def get(admin, accept):
    request = urllib.request.Request(f"http://{admin}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


def main(admin):
    # What Prometheus 2 asks for.
    kind, page = get(admin, "application/openmetrics-text;version=1.0.0,"
                     "application/openmetrics-text;version=0.0.1;q=0.75,"
                     "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
    assert kind.startswith("application/openmetrics-text; version=1.0.0"), kind
    if parser:
        families = list(parser.text_string_to_metric_families(page))
        samples = sum(len(family.samples) for family in families)
        print(f"metrics: {len(families)} families, {samples} samples, all OpenMetrics")
        for family in families:
            assert family.documentation, f"{family.name} says nothing of itself"
            assert family.name.startswith("methodgate_"), family.name
    kind, page = get(admin, "text/plain;version=0.0.4;q=1,*/*;q=0.1")
    assert kind.startswith("text/plain; version=0.0.4"), kind
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "metrics"], input=page.encode(), check=True)
        print("metrics: promtool has nothing to say of the older format")


if __name__ == "__main__":
    main(*sys.argv[1:])
    if missing:
        print(f"metrics: NOT TESTED by all: missing {', '.join(missing)}")
        sys.exit(77)
