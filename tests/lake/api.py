"""An API on a real socket: pages of rows, and answers that go wrong as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Api:
    """`rows` in pages of `size`; `troubles` are answers given before the right one: a status, or `"cut"`."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.size = 10
        self.troubles: list[int | str] = []
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.next_host = ""
        self.tail = ""
        self.url = ""

    def answer(self, path: str) -> tuple[bytes, dict[str, str]]:
        parts = urlsplit(path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        rows = [row for row in self.rows if row["updated_at"] >= query.get("since", "")]
        if parts.path == "/plain":
            return json.dumps(rows).encode(), {}
        start = int(query.get("after", 0)) if parts.path != "/pages" else (int(query.get("page", 1)) - 1) * self.size
        page, following = rows[start : start + self.size], start + self.size
        more = following < len(rows)
        tail = self.tail + (f"&since={query['since']}" if "since" in query else "")
        link = f"{self.next_host}{parts.path}?after={following}{tail}"
        if parts.path == "/header":
            return json.dumps(page).encode(), {"Link": f'<{link}>; rel="next"'} if more else {}
        meta = {"next": link if parts.path == "/links" else str(following)} if more else {}
        return json.dumps({"data": {"items": page}, "meta": meta}).encode(), {}


@contextmanager
def served() -> Iterator[Api]:
    api = Api()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            api.asked.append(self.path)
            api.headers.append(dict(self.headers))
            trouble = api.troubles.pop(0) if api.troubles else 200
            body, headers = api.answer(self.path)
            if isinstance(trouble, int) and trouble != 200:
                body = b"{}"
                headers = {"Retry-After": "0"} if trouble == 429 else {"Location": "http://127.0.0.1:1/"}
            self.send_response(200 if trouble == "cut" else int(trouble))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if trouble == "cut" else body)
            self.close_connection = trouble == "cut"

        def log_message(self, *_arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
