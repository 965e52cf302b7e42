"""A backend at the address of config/container.yaml: `/slow` takes 3 s and says when it was asked,
in the file that ASKED names."""

import http.server
import os
import time


class Backend(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.path == "/slow":
            with open(os.environ["ASKED"], "a", encoding="utf-8") as asked:
                asked.write("slow\n")
            time.sleep(3)
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    do_GET = do_DELETE = answer

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Backend).serve_forever()
