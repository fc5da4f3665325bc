"""Notices as JSON to a URL: Slack, Mattermost, or a program of one's own."""

from __future__ import annotations

from urllib.parse import urlsplit

import urllib3

from ondol.kernel.errors import Invalid, Unavailable

TIMEOUT_SECONDS = 10.0


class WebhookNotify:
    """The `Notify` port: `POST {"subject": ..., "text": ...}`; any answer below 300 is a delivery.

    `text` starts with the subject, because chat programs show only that field.
    Redirects are not followed: a notice goes where the settings say or nowhere.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid("`notify_url` must be an http or https address.", hint="Write https://host/path.")
        self._url = url
        # Such an address is often itself the secret: say no more of it than the host.
        self._host = parts.hostname

    def send(self, subject: str, text: str) -> None:
        try:
            answer = urllib3.request(
                "POST",
                self._url,
                json={"subject": subject, "text": f"{subject}\n{text}"},
                timeout=TIMEOUT_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The notice could not be sent to {self._host}: {type(error).__name__}.") from error
        if answer.status >= 300:
            raise Unavailable(f"{self._host} answered {answer.status} to a notice.")
