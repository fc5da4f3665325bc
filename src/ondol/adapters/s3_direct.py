"""Addresses by which clients reach a bucket themselves: signed for one thing, for a while.

Files are signed by the store's library. It cannot sign parts of a multipart upload, so those are signed here, by
version 4 of AWS's signatures:
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import obstore
import urllib3

from ondol.kernel.errors import Invalid, NotFound, Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Store

TIMEOUT_SECONDS: Final = 60.0
"""Joining the parts of a large file takes a store its time."""
_UPLOAD = re.compile(rb"<UploadId>([^<]{1,2000})</UploadId>")
_FAILURE = re.compile(rb"<Code>([^<]{1,200})</Code>")


class S3Direct:
    """The `Direct` port for one bucket. `secret` is empty where the library asks the machine for credentials."""

    def __init__(self, store: S3Store, secret: str) -> None:
        self._store = store
        self._secret = secret
        self.in_parts = bool(secret)

    def address(self, path: str, seconds: int, *, writes: bool) -> str:
        sign: Callable[..., Any] = obstore.sign
        return str(sign(self._store, "PUT" if writes else "GET", path, timedelta(seconds=seconds)))

    def begin(self, path: str) -> str:
        found = _UPLOAD.search(self._call("POST", path, {"uploads": ""}))
        if found is None:
            raise Unavailable("The store began no upload.")
        return found[1].decode()

    def part_address(self, path: str, upload: str, number: int, seconds: int) -> str:
        return self._signed("PUT", path, {"partNumber": str(number), "uploadId": upload}, seconds)

    def finish(self, path: str, upload: str, parts: Sequence[tuple[int, str]]) -> None:
        lines = (f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(etag)}</ETag></Part>" for number, etag in parts)
        body = f"<CompleteMultipartUpload>{''.join(lines)}</CompleteMultipartUpload>"
        answer = self._call("POST", path, {"uploadId": upload}, body.encode())
        # A store may find out that it fails after it has answered 200.
        if b"<Error>" in answer:
            raise Unavailable(f"The store did not join the parts: {_code(answer)}")

    def abandon(self, path: str, upload: str) -> None:
        try:
            self._call("DELETE", path, {"uploadId": upload})
        except NotFound:
            return

    def _call(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> bytes:
        url = self._signed(method, path, query, 300)
        try:
            answer = urllib3.request(method, url, body=body, timeout=TIMEOUT_SECONDS, retries=False, redirect=False)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The store failed: {type(error).__name__}.") from error
        if answer.status < 300:
            return answer.data
        code = _code(answer.data)
        if answer.status == 404 or code == "NoSuchUpload":
            raise NotFound(f"There is no such upload: {code}")
        if answer.status == 400:
            raise Invalid(f"The store refuses the upload: {code}")
        raise Unavailable(f"The store failed: {answer.status} {code}")

    def _signed(self, method: str, path: str, query: Mapping[str, str], seconds: int) -> str:
        """The address of a file as the library signs it, signed anew for another thing to do with it."""
        parts = urlsplit(self.address(path, seconds, writes=True))
        known = dict(parse_qsl(parts.query, keep_blank_values=True))
        known.pop("X-Amz-Signature")
        text = urlencode(sorted({**known, **query}.items()), quote_via=quote, safe="-_.~")
        signature = sign_v4(self._secret, method, (parts.netloc, parts.path, text))
        return f"{parts.scheme}://{parts.netloc}{parts.path}?{text}&X-Amz-Signature={signature}"


def sign_v4(secret: str, method: str, where: tuple[str, str, str]) -> str:
    """The signature of a request for `(host, path, query)`; path and query are encoded, the query sorted."""
    host, path, query = where
    known = dict(parse_qsl(query, keep_blank_values=True))
    at, scope = known["X-Amz-Date"], known["X-Amz-Credential"].partition("/")[2]
    asked = "\n".join((method, path, query, f"host:{host}\n", "host", "UNSIGNED-PAYLOAD"))
    text = "\n".join(("AWS4-HMAC-SHA256", at, scope, hashlib.sha256(asked.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for word in scope.split("/"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _code(answer: bytes) -> str:
    found = _FAILURE.search(answer)
    return found[1].decode(errors="replace") if found else "no reason given"
