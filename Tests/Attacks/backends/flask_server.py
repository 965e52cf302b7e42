"""Flask's router (Werkzeug), and what WSGI applications do with PATH_INFO."""

import logging
import sys
import urllib.parse

import flask
import werkzeug.serving

logging.getLogger("werkzeug").disabled = True
app = flask.Flask(__name__, static_folder=None)


@app.post("/admin/<path:rest>")
@app.post("/tasks/<path:rest>")
def admin(rest):
    return reached(["route"])


@app.post("/<section>/<path:rest>")
def parameter(section, rest):
    return reached(["parameter"] if section in ("admin", "tasks") else [])


def reached(names):
    path = flask.request.environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    ideas = {
        "PATH_INFO": path,
        "PATH_INFO, lower": path.lower(),
        "PATH_INFO, strip": path.strip(),
        "PATH_INFO, decoded": urllib.parse.unquote(path),
        "request.path": flask.request.path,
        "request.url": urllib.parse.urlsplit(flask.request.url).path,
    }
    names += [name for name, found in ideas.items() if found.startswith(("/admin/", "/tasks/"))]
    answer = flask.Response(b"")
    answer.headers["X-Reached"] = "admin: " + "; ".join(names) if names else "-"
    return answer


@app.errorhandler(Exception)
def other(error):
    return reached([])


class Handler(werkzeug.serving.WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_request(self, *_):
        pass


werkzeug.serving.run_simple(
    "127.0.0.1", int(sys.argv[1]), app, threaded=True, request_handler=Handler
)
