"""A real receiver of webhooks on loopback, which checks signatures as its own program would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`answers` are the statuses of the next answers, 200 after them."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[int] = []
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.hold = threading.Event()
        self.hold.set()

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.seen]

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        return [(f"{body['entity']}.{body['action']}", body["data"]) for body in self.bodies]

    def is_signed(self, number: int, secret: str) -> bool:
        headers, body = self.seen[number]
        signed = f"{headers['x-mlflow-delivery-id']}.{headers['x-mlflow-timestamp']}.".encode() + body
        code = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
        return headers["x-mlflow-signature"] == f"v1,{code}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.hold.wait(10)
            receiver.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
            status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook"
    yield receiver
    receiver.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()
