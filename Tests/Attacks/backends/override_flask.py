"""The method that applications on Werkzeug take from a request: form, query, fields, JSON."""

import sys

import flask
import werkzeug.serving

app = flask.Flask(__name__, static_folder=None)


def first(values):
    return values.get("_method", "")


@app.post("/items")
def items():
    request = flask.request
    ideas = {
        "form": lambda: first(request.form),
        "values": lambda: first(request.values),
        "args": lambda: first(request.args),
        "last in form": lambda: request.form.getlist("_method")[-1],
        "field": lambda: request.headers.get("X-HTTP-Method-Override", ""),
        "JSON": lambda: (request.get_json(silent=True) or {}).get("_method", ""),
        "file": lambda: request.files["_method"].read().decode(),
    }
    return answer(ideas)


def answer(ideas):
    reached = []
    for name, idea in ideas.items():
        try:
            if idea().strip().upper() == "DELETE":
                reached.append(name)
        except Exception:
            continue
    found = flask.Response(b"")
    found.headers["X-Reached"] = "admin: " + "; ".join(reached) if reached else "-"
    return found


@app.errorhandler(Exception)
def other(error):
    return answer({})


class Handler(werkzeug.serving.WSGIRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True

    def log(self, *_):
        pass


werkzeug.serving.run_simple(
    "127.0.0.1", int(sys.argv[1]), app, threaded=True, request_handler=Handler
)
