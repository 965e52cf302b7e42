"""A backend that keeps every byte it gets, and answers as it is told."""

import socket
import threading

from . import strict_reader


def answer(target, status="200 OK", content=b"ok", fields=""):
    """A plain answer that says which target it is for."""
    head = f"HTTP/1.1 {status}\r\nX-Target: {target}\r\n{fields}"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode("latin-1") + content


class Script:
    """What the backend does. `head` is sent once a head is there, `whole` once the request is."""

    def head(self, message):
        return b"HTTP/1.1 100 Continue\r\n\r\n" if message.values("Expect") else b""

    def whole(self, message):
        content = b"" if message.method == "HEAD" else b"ok"
        return answer(message.target, content=content)


class Recorder:
    """Listens on `port`. What came since `begin` is in `streams`, one for each connection."""

    def __init__(self, port):
        self.port = port
        self.streams = []
        self._script = Script()
        self._lock = threading.Lock()
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def begin(self, script):
        """Ends all connections, so that nothing of an earlier attack is left."""
        with self._lock:
            for connection in self._connections:
                _end(connection)
            self._connections, self.streams, self._script = [], [], script

    def close(self):
        self.begin(Script())
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.append(connection)
                stream = bytearray()
                self.streams.append(stream)
                arguments = (connection, stream, self._script)
            threading.Thread(target=self._serve, args=arguments, daemon=True).start()

    def _serve(self, connection, stream, script):
        heads, wholes, is_lost = 0, 0, False
        try:
            while data := connection.recv(65536):
                stream += data
                found = strict_reader.messages(bytes(stream))
                for message in found[heads:]:
                    if message.has_head:
                        heads += 1
                        connection.sendall(script.head(message))
                for message in found[wholes:]:
                    if message.complete:
                        wholes += 1
                        connection.sendall(script.whole(message))
                if found[-1].problem and not is_lost:
                    # A backend that is less strict would answer; so does this one, once.
                    is_lost = True
                    connection.sendall(answer("unreadable"))
        except OSError:
            pass
        finally:
            connection.close()


def _end(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
