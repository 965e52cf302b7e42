#!/usr/bin/env python3
"""Writes the manual from what the program says of itself, so that it never says anything else: a
page for the program and one for each command (--experimental-dump-help), and one for the
configuration (`methodgate schema`). Usage: man.py BINARY FOLDER, for FOLDER/man1 and FOLDER/man5"""

import json
import pathlib
import re
import subprocess
import sys


def escape(text):
    """Text as roff: no request at a line's start, no escapes, hyphens that stay hyphens."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return "\n".join("\\&" + line if line[:1] == "." else line for line in text.split("\n"))


def paragraphs(text):
    """Blocks between blank lines; examples and columns, which hold two blanks, stay as they are."""
    for block in (text or "").split("\n\n"):
        lines = block.split("\n")
        if not block.strip():
            continue
        if "  " in block:
            yield ".PP\n.nf\n" + "\n".join(escape(line) for line in lines) + "\n.fi"
        else:
            yield ".PP\n" + escape(" ".join(line.strip() for line in lines))


def option_names(argument):
    """`-c, --config <file>`."""
    dashes = {"short": "-"}
    forms = ["\\fB" + escape(dashes.get(name["kind"], "--") + name["name"]) + "\\fR"
             for name in argument.get("names", [])]
    value = f" \\fI{escape(argument.get('valueName', ''))}\\fR"
    return ", ".join(forms) + (value if argument["kind"] == "option" else "")


def shown(command):
    """A command's arguments, less what all have; a flag and its opposite are one."""
    found = []
    for argument in command.get("arguments", []):
        name = argument.get("preferredName", {}).get("name")
        if not argument.get("shouldDisplay", True):
            continue
        if name in ("version", "help") and "superCommands" in command:
            continue
        if (found and argument["kind"] == "flag" and found[-1]["kind"] == "flag"
                and name == "no-" + found[-1]["preferredName"]["name"]):
            found[-1] = {**found[-1], "names": found[-1]["names"] + argument["names"]}
            continue
        found.append(argument)
    return found


def options(command):
    for argument in shown(command):
        text = argument.get("abstract", "")
        if argument.get("defaultValue"):
            text += f" (default: {argument['defaultValue']})"
        name = (f"\\fI{escape(argument.get('valueName', ''))}\\fR"
                if argument["kind"] == "positional" else option_names(argument))
        yield f".TP\n{name}\n{escape(text.strip())}"


def synopsis(command, words):
    parts = [f"\\fB{escape(' '.join(words))}\\fR"]
    for argument in shown(command):
        if argument["kind"] == "positional":
            part = f"\\fI{escape(argument.get('valueName', ''))}\\fR"
        else:
            part = option_names({**argument, "names": [argument["preferredName"]]})
        part += "..." if argument.get("isRepeating") else ""
        parts.append(f"[{part}]" if argument.get("isOptional", True) else part)
    if subcommands(command):
        parts.append("\\fIcommand\\fR [\\fIoptions\\fR]")
    return "\n".join(parts)


def subcommands(command):
    return [c for c in command.get("subcommands", [])
            if c.get("shouldDisplay", True) and c["commandName"] != "help"]


def summary(command):
    text = command.get("abstract", "").rstrip(".")
    return escape(text[:1].lower() + text[1:])


def describe(command):
    """The discussion, its exit status apart."""
    statuses = []
    for block in paragraphs(command.get("discussion")):
        found = re.match(r"\.PP\nExit status: (.*)", block, re.S)
        if found:
            statuses.append(f".SH EXIT STATUS\n{found[1][:1].upper() + found[1][1:]}")
        else:
            yield block
    yield from statuses


def nested(command, words):
    for inner in subcommands(command):
        name = words + [inner["commandName"]]
        yield f".SH {escape(' '.join(name[1:])).upper()}"
        yield synopsis(inner, name)
        yield ".PP\n" + escape(inner.get("abstract", ""))
        for block in describe(inner):
            # A section of the page is the command itself here.
            yield block.replace(".SH EXIT STATUS\n", ".PP\nExit status: ")
        yield from options(inner)


def files(command):
    """Those that a command's options name."""
    taken = json.dumps(command)
    found = [f".TP\n\\fI{escape(path)}\\fR\n{what}" for path, what in [
        ("/etc/methodgate/methodgate.yaml", "The configuration."),
        ("/run/methodgate/control.sock", "The control socket of the system service."),
    ] if path.replace("/", "\\/") in taken or path in taken]
    return [".SH FILES"] + found if found else []


def page(command, words, version, also):
    name = "-".join(words)
    yield f'.TH {escape(name.upper())} 1 "" "methodgate {escape(version)}" "methodgate"'
    yield f".ad l\n.nh\n.SH NAME\n{escape(name)} \\- {summary(command)}"
    yield f".SH SYNOPSIS\n{synopsis(command, words)}"
    yield f".SH DESCRIPTION\n{escape(command.get('abstract', ''))}"
    described = list(describe(command))
    status = [block for block in described if block.startswith(".SH")]
    yield from (block for block in described if not block.startswith(".SH"))
    if len(words) == 1:
        yield ".SH COMMANDS"
        for inner in subcommands(command):
            yield (f".TP\n\\fBmethodgate\\-{escape(inner['commandName'])}\\fR(1)\n"
                   f"{escape(inner.get('abstract', ''))}")
    elif shown(command):
        yield ".SH OPTIONS"
    yield from options(command)
    if len(words) > 1:
        yield from nested(command, words)
    yield from status
    yield from files(command)
    yield ".SH SEE ALSO"
    pages = [f"\\fB{escape(other)}\\fR(1)" for other in also if other != name]
    yield ",\n".join(pages + ["\\fBmethodgate.yaml\\fR(5)", "\\fBsystemctl\\fR(1)", "\\fBjournalctl\\fR(1)"])
    yield ".PP\nThe pages in \\fI/usr/share/doc/methodgate/docs\\fR, operations.md above all."


def kinds(schema, definitions):
    """What a key takes, in a word or two."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return name if definitions[name].get("type") != "object" else name.upper()
    if "enum" in schema:
        return " | ".join(str(word) for word in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(kinds(one, definitions) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {kinds(schema['items'], definitions)}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"map to {kinds(inner, definitions)}" if inner else "map"
    return schema.get("type", "text").replace("string", "text")


def keys(section, definitions):
    for name, key in section["properties"].items():
        yield f".TP\n\\fB{escape(name)}\\fR ({escape(kinds(key, definitions))})"
        text = key.get("description", "")
        if "default" in key:
            text += f" Default: {json.dumps(key['default']).strip(chr(34))}."
        elif name in section.get("required", []):
            text += " Required."
        yield escape(text.strip())


def configuration(schema, version):
    definitions = schema["$defs"]
    yield f'.TH METHODGATE.YAML 5 "" "methodgate {escape(version)}" "methodgate"'
    yield ".ad l\n.nh\n.SH NAME\nmethodgate.yaml \\- configuration of methodgate"
    yield ".SH SYNOPSIS\n\\fI/etc/methodgate/methodgate.yaml\\fR"
    yield (".SH DESCRIPTION\nStrict YAML: an unknown or duplicate key, an alias, an anchor, a tag, a "
           "tab or a value of the wrong type is an error. \\fBmethodgate\\-check\\fR(1) prints all "
           "that is wrong with a file. Durations are written 500ms, 10s, 5m or 1h; sizes 8KiB or "
           "1MiB. What stands in capitals is a section below.\n.SH THE FILE")
    yield from keys(schema, definitions)
    for name, section in definitions.items():
        if section.get("type") == "object":
            yield f".SH {escape(name.upper())}"
            yield from keys(section, definitions)
    yield ".SH SEE ALSO\n\\fBmethodgate\\fR(1), \\fBmethodgate\\-check\\fR(1)"
    yield ".PP\n\\fI/usr/share/doc/methodgate/docs/configuration.md\\fR has examples of all of it."


def ask(binary, *words):
    return subprocess.run([binary, *words], check=True, capture_output=True, text=True).stdout


def main(binary, folder):
    root = json.loads(ask(binary, "--experimental-dump-help"))["command"]
    version = ask(binary, "--version").split()[-1]
    commands = [(root, ["methodgate"])]
    commands += [(inner, ["methodgate", inner["commandName"]]) for inner in subcommands(root)]
    names = ["-".join(words) for _, words in commands]
    pages = {}
    for command, words in commands:
        also = names if len(words) == 1 else ["methodgate"]
        pages["man1/" + "-".join(words) + ".1"] = page(command, words, version, also)
    schema = json.loads(ask(binary, "schema"))
    pages["man5/methodgate.yaml.5"] = configuration(schema, version)
    for name, lines in pages.items():
        file = pathlib.Path(folder, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
