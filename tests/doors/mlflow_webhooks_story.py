"""What MLflow's own client does with webhooks; run by its own interpreter, prints what it saw as JSON.

The receiver checks signatures with the function that MLflow's server signs with.
"""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookEvent
from mlflow.exceptions import MlflowException
from mlflow.webhooks.delivery import _generate_hmac_signature
from mlflow.webhooks.types import get_example_payload_for_event

SECRET = "a secret"
seen: list[tuple[str, dict, bool]] = []


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        delivery, at = self.headers["X-MLflow-Delivery-Id"], self.headers["X-MLflow-Timestamp"]
        signed = self.headers["X-MLflow-Signature"] == _generate_hmac_signature(SECRET, delivery, at, text)
        body = json.loads(text)
        seen.append((f"{body['entity']}.{body['action']}", body["data"], signed))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def word(function, *arguments, **named) -> str:
    try:
        function(*arguments, **named)
    except MlflowException as error:
        return error.error_code
    return "done"


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    client, report = MlflowClient(), {}
    events = ["registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted"]
    events += ["model_version_alias.created", "model_version_alias.deleted", "prompt.created", "prompt_version.created"]
    hook = client.create_webhook(name="ci", url=url, events=events, description="what it is for", secret=SECRET)
    report["created"] = [hook.name, hook.url == url, str(hook.status), hook.description, hook.secret]
    report["events"] = [str(event) for event in hook.events] == events
    report["got"] = client.get_webhook(hook.webhook_id).name
    other = client.create_webhook(name="other", url=url, events=["prompt.created"], status="DISABLED")
    page = client.list_webhooks(max_results=1)
    rest = client.list_webhooks(max_results=1, page_token=page.token)
    report["listed"] = sorted(one.name for one in [*page, *rest]), bool(rest.token)
    changed = client.update_webhook(webhook_id=other.webhook_id, name="changed", events=["prompt_tag.set"])
    report["updated"] = [changed.name, str(changed.events[0]), str(changed.status)]
    client.delete_webhook(other.webhook_id)
    report["deleted"] = word(client.get_webhook, other.webhook_id)
    report["wrong url"] = word(client.create_webhook, name="x", url="http://192.0.2.7/", events=["prompt.created"])
    report["wrong name"] = word(client.create_webhook, name="-x", url=url, events=["prompt.created"])
    tried = client.test_webhook(hook.webhook_id, event="model_version.created")
    report["tested"] = [tried.success, tried.response_status]
    example = get_example_payload_for_event(WebhookEvent.from_str("model_version.created"))
    report["example"] = seen[0] == ("model_version.created", example, True)
    seen.clear()
    print(json.dumps(report | changes(client)))


def changes(client: MlflowClient) -> dict:
    client.create_registered_model("delay", tags={"team": "ops"}, description="late flights")
    client.create_model_version("delay", "s3://models/1", tags={"a": "b"})
    client.set_model_version_tag("delay", "1", "k", "v")
    client.delete_model_version_tag("delay", "1", "k")
    client.set_registered_model_alias("delay", "best", 1)
    client.delete_registered_model_alias("delay", "best")
    client.register_prompt("ask", "Hello {{name}}", commit_message="first", tags={"t": "1"})
    deadline = time.monotonic() + 20
    while len(seen) < 8 and time.monotonic() < deadline:
        time.sleep(0.02)
    found = {what: data for what, data, _ in seen}
    return {
        "told": sorted(found),
        "signed": all(signed for *_, signed in seen),
        "model": found["registered_model.created"],
        "prompt": found["prompt_version.created"]["template"],
    }


main()
