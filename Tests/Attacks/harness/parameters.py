"""The methods that frameworks take from the query and the content of a POST, each read as simply as
can be, and as leniently as one of them does."""

import gzip
import json
import re
import urllib.parse
import zlib


def methods(query, kind, coding, content):
    """`kind` is the Content-Type, `coding` the Content-Encoding, both in lower case."""
    found = _form(query)
    for text in _texts(kind, coding, content):
        if "urlencoded" in kind or not kind:
            found += _form(text)
        if "multipart" in kind:
            found += _parts(text)
    if "json" in kind:
        found += _json(content)
    return [value.strip().upper() for value in found]


def _texts(kind, coding, content):
    """As most read it, and as those do who look at the charset and the coding."""
    texts = [content.decode("latin-1")]
    charset = re.search(r'charset="?([\w-]+)', kind)
    if charset:
        try:
            texts.append(content.decode(charset[1], "replace"))
        except LookupError:
            pass
    if coding == "gzip":
        try:
            texts.append(gzip.decompress(content).decode("latin-1"))
        except (OSError, EOFError, zlib.error):
            pass
    return texts


def _is_name(name):
    """PHP cuts at a NUL and drops blanks in front; `.` and a blank become `_`."""
    name = name.partition("\0")[0].lstrip(" ")
    return re.sub(r"[. ]", "_", name) in ("_method", "_METHOD", "__method", "x-tunneled-method")


def _form(text):
    pairs = []
    for separator in "&;":
        pairs += urllib.parse.parse_qsl(text, keep_blank_values=True, separator=separator)
    return [value for key, value in pairs if _is_name(key)]


NAME = re.compile(
    r"""name(?:\*=utf-8''|=["']?|="=\?utf-8\?b\?)(?:_method|%5fmethod|\\_method|x21ldghvza==).*?"""
    r"(?:\r\n\r\n|\n\n)(.*?)\r?\n",
    re.S | re.I,
)


def _parts(text):
    return NAME.findall(text)


def _json(content):
    try:
        # UTF-16 and UTF-32 too, as Python and Jackson have it.
        value = json.loads(content)
    except ValueError:
        return []
    method = value.get("_method") if isinstance(value, dict) else None
    return [method] if isinstance(method, str) else []
