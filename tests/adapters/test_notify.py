"""Notices reach the log, or a real HTTP server."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ondol.adapters.notify_log import LogNotify
from ondol.adapters.notify_webhook import WebhookNotify
from ondol.kernel.errors import Invalid, Unavailable


class _Receiver(BaseHTTPRequestHandler):
    received: list[dict[str, str]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = {"/broken": 500, "/moved": 302}.get(self.path.partition("?")[0], 204)
        if status == 204:
            self.received.append(json.loads(body))
        self.send_response(status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    _Receiver.received = []
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def _url(server: HTTPServer, path: str) -> str:
    return f"http://127.0.0.1:{server.server_port}{path}"


def test_a_notice_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        LogNotify().send("Drift\nforged line", "delay moved\nby 3")
    assert caplog.messages == ["Drift forged line: delay moved by 3"]


def test_a_notice_arrives_as_json(receiver: HTTPServer) -> None:
    WebhookNotify(_url(receiver, "/hook")).send("드리프트", "delay moved")
    assert _Receiver.received == [{"subject": "드리프트", "text": "드리프트\ndelay moved"}]


@pytest.mark.parametrize("path", ["/broken", "/moved"])
def test_a_notice_that_was_not_taken_is_unavailable_and_tells_no_secret(receiver: HTTPServer, path: str) -> None:
    with pytest.raises(Unavailable) as raised:
        WebhookNotify(_url(receiver, path) + "?token=secret").send("s", "t")
    assert "secret" not in raised.value.message
    assert _Receiver.received == []


def test_a_receiver_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        WebhookNotify("http://127.0.0.1:1/hook").send("s", "t")


@pytest.mark.parametrize("url", ["", "file:///etc/passwd", "ftp://host/x", "http://", "host/x"])
def test_only_web_addresses_are_taken(url: str) -> None:
    with pytest.raises(Invalid):
        WebhookNotify(url)
