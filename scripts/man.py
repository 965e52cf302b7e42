#!/usr/bin/env python3
"""Writes methodgate(1) from what the program says of itself (--experimental-dump-help), so that
the manual never says anything else than --help. Usage: man.py BINARY > methodgate.1"""

import json
import subprocess
import sys


def escape(text):
    """Text as roff: no request at a line's start, no escapes, hyphens that stay hyphens."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def paragraphs(text):
    for block in (text or "").split("\n\n"):
        if block.strip():
            yield "\n.br\n".join(escape(line) for line in block.split("\n"))


def names(argument):
    """`-c, --config <file>` or `<method>`."""
    value = argument.get("valueName", "")
    if argument["kind"] == "positional":
        return f"\\fI{escape(value)}\\fR"
    forms = []
    for name in argument.get("names", []):
        dash = "-" if name["kind"] == "short" else "--"
        forms.append(f"\\fB{escape(dash + name['name'])}\\fR")
    suffix = f" \\fI{escape(value)}\\fR" if argument["kind"] == "option" else ""
    return ", ".join(forms) + suffix


def arguments(command):
    for argument in command.get("arguments", []):
        if not argument.get("shouldDisplay", True):
            continue
        text = argument.get("abstract", "")
        if argument.get("defaultValue"):
            text += f" (default: {argument['defaultValue']})"
        yield f".TP\n{names(argument)}\n{escape(text)}"


def main(binary):
    dump = subprocess.run([binary, "--experimental-dump-help"], check=True, capture_output=True)
    root = json.loads(dump.stdout)["command"]
    version = subprocess.run([binary, "--version"], check=True, capture_output=True, text=True)
    lines = [
        f'.TH METHODGATE 1 "" "methodgate {escape(version.stdout.split()[-1])}" "User Commands"',
        ".SH NAME",
        f"methodgate \\- {escape(root['abstract'][0].lower() + root['abstract'][1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        "\\fBmethodgate\\fR \\fIcommand\\fR [\\fIoptions\\fR]",
        ".SH DESCRIPTION",
    ]
    lines += [".PP\n" + text for text in paragraphs(root.get("discussion"))]
    lines.append(".SH COMMANDS")
    for command in root.get("subcommands", []):
        lines += describe(command, command["commandName"])
    lines += [
        ".SH FILES",
        ".TP\n\\fI/etc/methodgate/methodgate.yaml\\fR\nThe configuration.",
        ".TP\n\\fI/run/methodgate/control.sock\\fR\nThe control socket of the system service.",
        ".SH SEE ALSO",
        "\\fBsystemctl\\fR(1), \\fBjournalctl\\fR(1), and the pages in "
        "\\fI/usr/share/doc/methodgate\\fR.",
    ]
    print("\n".join(lines))


def describe(command, name):
    if not command.get("shouldDisplay", True) or command["commandName"] == "help":
        return []
    lines = [f".SS {escape(name)}", escape(command.get("abstract", ""))]
    lines += [".PP\n" + text for text in paragraphs(command.get("discussion"))]
    lines += arguments(command)
    for nested in command.get("subcommands", []):
        lines += describe(nested, f"{name} {nested['commandName']}")
    return lines


if __name__ == "__main__":
    main(sys.argv[1])
