#!/usr/bin/env python3
"""A syslog server that keeps what it gets, one message a line, and reads it strictly.

  receive.py unix PATH FILE | receive.py udp PORT FILE      until it is ended
  receive.py check FILE       whether each line is a message of RFC 5424 by the gate; prints the
                              parameters of those about requests as JSON, one a line
"""

import json
import os
import re
import socket
import sys

# RFC 5424, section 6, with the parts that methodgate fills in.
HEADER = re.compile(
    r"<(?P<pri>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z) "
    r"(?P<host>[!-~]{1,255}) (?P<app>[!-~]{1,48}) (?P<pid>[!-~]{1,128}) (?P<id>[!-~]{1,32}) "
)
ELEMENT = re.compile(
    r'\[(?P<name>[!-<>-Z^-~\\]{1,32})(?P<parameters>(?: [!#-<>-\\^-~]{1,32}="(?:[^"\\\]]|\\.)*")*)\]'
)
PARAMETER = re.compile(r' ([^=]+)="((?:[^"\\\]]|\\.)*)"')


def receive(kind, where, path):
    if kind == "unix":
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        if os.path.exists(where):
            os.unlink(where)
        peer.bind(where)
        os.chmod(where, 0o666)
    else:
        peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        peer.bind(("127.0.0.1", int(where)))
    with open(path, "ab", buffering=0) as file:
        while True:
            file.write(peer.recv(1 << 20) + b"\n")


def check(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            header = HEADER.match(line)
            assert header, f"no header: {line[:200]}"
            assert int(header["pri"]) <= 191 and header["app"] == "methodgate", line[:200]
            element = ELEMENT.match(line, header.end())
            assert element, f"no structured data: {line[header.end():][:200]}"
            rest = line[element.end():]
            assert rest.startswith(" {"), f"no record: {rest[:200]}"
            record = json.loads(rest)
            assert record["event.action"] == header["id"], line[:200]
            parameters = {
                name: re.sub(r"\\(.)", r"\1", value)
                for name, value in PARAMETER.findall(element["parameters"])
            }
            assert parameters["sequence"] == str(record["event.sequence"])
            if "event.id" in record:
                assert parameters["eventId"] == record["event.id"]
                print(json.dumps(parameters))


if sys.argv[1] == "check":
    check(sys.argv[2])
else:
    receive(*sys.argv[1:4])
