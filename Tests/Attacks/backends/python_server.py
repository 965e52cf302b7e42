"""Ideas of a path on Python's own http.server: what handlers built on it do with `self.path`."""

import http.server
import ntpath
import posixpath
import re
import sys
from urllib.parse import unquote, unquote_plus, urljoin, urlparse, urlsplit

ROOT = "/srv"


HANDLERS = ("/admin/", "/tasks/")


def is_admin(path):
    return (path + "/").startswith(HANDLERS)


def windows(path):
    """A file below a root, as Windows opens it, for ASP.NET: separators, sessions, streams, letter case,
    ends of names."""
    path = ntpath.normpath(unquote(urlsplit(path).path)).replace("\\", "/")
    path = re.sub(r"/\([a-z]\([^/]*\)\)(?=/|$)", "", path, flags=re.I)
    parts = (re.sub(r":[^:]*:\$.*", "", part) for part in path.split("/"))
    return "/".join(part.rstrip(". ") for part in parts).lower()


# U+FF01 to U+FF5E, as NFKC and the "best fit" of code pages have them.
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}

IDEAS = {
    "raw": lambda path: path,
    "split": lambda path: path.partition("?")[0],
    "urlsplit": lambda path: urlsplit(path).path,
    "urlparse": lambda path: urlparse(path).path,
    "urljoin": lambda path: urlsplit(urljoin("http://a.example/", path)).path,
    "unquote": lambda path: unquote(path.partition("?")[0]),
    "unquote twice": lambda path: unquote(unquote(path.partition("?")[0])),
    "unquote_plus, strip": lambda path: unquote_plus(urlsplit(path).path).strip(),
    "strip of Latin-1": lambda path: unquote(path.partition("?")[0], "latin-1").strip(),
    "unquote, then urlsplit": lambda path: urlsplit(unquote(path)).path,
    "normpath": lambda path: posixpath.normpath("/" + unquote(urlsplit(path).path).lstrip("/")),
    "normpath, then unquote": lambda path: unquote(posixpath.normpath(urlsplit(path).path)),
    "lower": lambda path: unquote(urlsplit(path).path).lower(),
    "casefold": lambda path: unquote(urlsplit(path).path).casefold(),
    "full width": lambda path: unquote(urlsplit(path).path).translate(FULL_WIDTH),
    "Windows": windows,
}


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # The answer leaves in one segment: the head alone would wait for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True

    def __init__(self, *arguments):
        super().__init__(*arguments, directory=ROOT)

    def do_POST(self):
        reached = [name for name, idea in IDEAS.items() if self._reaches(idea)]
        if is_admin(self.translate_path(self.path).removeprefix(ROOT)):
            reached.append("translate_path")
        self.send_response(200)
        self.send_header("X-Reached", "admin: " + "; ".join(reached) if reached else "-")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _reaches(self, idea):
        try:
            return is_admin(idea(self.path))
        except ValueError:
            return False

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
server.serve_forever()
