#!/usr/bin/env python3
"""Holds the JSON Schema that an editor uses (`methodgate schema`) against files that the program
takes and against files that it refuses: schema.py BINARY. Exits 1 where the schema disagrees; 77,
and says so, without python3-jsonschema."""

import json
import pathlib
import subprocess
import sys

import yaml

try:
    import jsonschema
except ImportError:
    print("schema: NOT TESTED: no python3-jsonschema")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHIPPED = ["config/methodgate.yaml", "config/demo.yaml", "config/container.yaml"]
SOUND = """
listen: [{address: 127.0.0.1:8080}]
backends: {app: http://127.0.0.1:3000}
defaults: {methods: [GET, HEAD]}
rules:
  /items: [GET, POST]
  /closed: []
  /all: any
timeouts: {client_head: 5s}
limits: {content: 1MiB, fields: 50}
"""
# What an editor is to underline: a key that there is not, a value of the wrong kind, and one that
# is missing.
BROKEN = [
    ("timeouts: {client_head: 5s}", "timeouts: {client_heed: 5s}"),
    ("fields: 50", "fields: many"),
    ("defaults: {methods: [GET, HEAD]}", ""),
    ("/items: [GET, POST]", "/items: {methods: [GET], mode: shaddow}"),
]


def main(binary):
    schema = json.loads(subprocess.run(
        [binary, "schema"], check=True, capture_output=True).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in SHIPPED:
        findings = mistakes(validator, (ROOT / name).read_text())
        assert not findings, f"{name}: {findings}"
    assert not mistakes(validator, SOUND), mistakes(validator, SOUND)
    for old, new in BROKEN:
        assert SOUND.count(old) == 1, old
        assert mistakes(validator, SOUND.replace(old, new)), f"the schema takes {new!r} for {old!r}"
    print(f"schema: takes {len(SHIPPED) + 1} files, refuses {len(BROKEN)}")


def mistakes(validator, text):
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


if __name__ == "__main__":
    main(*sys.argv[1:])
