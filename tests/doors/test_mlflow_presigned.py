"""Files go between clients and a real bucket by signed addresses, not through us: `--lanes=s3`."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.peers import Unavailable, environment
from ondol.adapters.s3_direct import sign_v4
from ondol.doors.server import build_app
from ondol.home import House, open_house
from ondol.kernel.config import Config
from tests.doors.test_mlflow_tracking import Mlflow
from tests.rooms import served

API = "/api/2.0/mlflow-artifacts"
MB = 1 << 20


@pytest.fixture
def bucket_house(tmp_path: Path, s3_url: str) -> Iterator[House]:
    opened = open_house(Config(home=str(tmp_path / "home"), artifacts=s3_url, clock="2013-04-01"))
    yield opened
    opened.close()


@pytest.fixture
def mlflow(bucket_house: House) -> Iterator[Mlflow]:
    with served(build_app(bucket_house)) as url, httpx.Client(base_url=url) as http:
        yield Mlflow(http)


def elsewhere(mlflow: Mlflow, url: str) -> bool:
    return urlsplit(url).netloc != mlflow.http.base_url.netloc.decode()


def test_the_signature_is_that_of_the_standards_example():
    query = (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2F"
        "aws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    )
    where = ("examplebucket.s3.amazonaws.com", "/test.txt", query)
    said = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert sign_v4("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "GET", where) == said


@pytest.mark.s3
def test_a_file_is_read_from_the_bucket_itself(mlflow):
    run = mlflow.run()
    path = f"0/{run}/artifacts/a dir/ü %20.txt"
    assert mlflow.http.put(f"{API}/artifacts/{path.replace('%', '%25')}", content=b"0123456789").status_code == 200
    found = mlflow.http.get(f"{API}/presigned/{path.replace('%', '%25')}").json()
    assert found["file_size"] == 10
    assert elsewhere(mlflow, found["url"])
    assert httpx.get(found["url"], headers={"Range": "bytes=2-4"}).content == b"234"
    assert httpx.put(found["url"], content=b"changed").status_code == 403
    assert httpx.get(found["url"].replace("Expires=900", "Expires=901")).status_code == 403
    assert mlflow.http.get(f"{API}/presigned/0/{run}/artifacts/missing").status_code == 404
    assert mlflow.http.get(f"{API}/presigned/0/{run}/artifacts/..%2F..%2Fx").status_code == 400
    server = mlflow.ask("GET", "server-info")
    assert (server["multipart_uploads_enabled"], server["multipart_downloads_enabled"]) == (True, True)


@pytest.mark.s3
def test_a_large_file_is_sent_to_the_bucket_in_parts(mlflow):
    run = mlflow.run()
    folder = f"0/{run}/artifacts/some models"
    asked = {"path": "/disk/big ü.bin", "num_parts": 2}
    made = mlflow.http.post(f"{API}/mpu/create/{folder}", json=asked).json()
    pieces = [os.urandom(5 * MB), b"the end"]
    parts = []
    for part, piece in reversed(list(zip(made["credentials"], pieces, strict=True))):
        assert elsewhere(mlflow, part["url"])
        tag = httpx.put(part["url"], content=piece).headers["etag"]
        parts.append({"part_number": part["part_number"], "etag": tag, "url": part["url"]})
    finish = {"path": "/disk/big ü.bin", "upload_id": made["upload_id"], "parts": parts}
    assert mlflow.http.post(f"{API}/mpu/complete/{folder}", json=finish).json() == {}
    assert mlflow.http.get(f"{API}/artifacts/{folder}/big ü.bin").content == b"".join(pieces)
    again = mlflow.http.post(f"{API}/mpu/complete/{folder}", json=finish | {"upload_id": "direct:none"})
    assert again.status_code in (400, 404)
    other = mlflow.http.post(f"{API}/mpu/create/{folder}", json=asked).json()
    forget = {"path": "/disk/big ü.bin", "upload_id": other["upload_id"]}
    for _ in range(2):
        assert mlflow.http.post(f"{API}/mpu/abort/{folder}", json=forget).status_code == 200
    late = mlflow.http.post(f"{API}/mpu/complete/{folder}", json=finish | {"upload_id": other["upload_id"]})
    assert late.status_code in (400, 404)


@pytest.mark.s3
def test_addresses_for_one_file_of_a_run_or_a_model(mlflow):
    run = mlflow.run()
    given = mlflow.ask("POST", "artifacts/presigned-upload-url", run_id=run, path="out/x.txt", expiration=60)
    assert httpx.put(given["presigned_url"], content=b"here").status_code == 200
    found = mlflow.ask("POST", "artifacts/presigned-download-url", run_id=run, path="out/x.txt")
    assert (httpx.get(found["presigned_url"]).content, found["file_size"]) == (b"here", 4)
    model = mlflow.ask("POST", "logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    given = mlflow.ask("POST", "artifacts/presigned-upload-url", model_id=model, path="MLmodel")
    assert httpx.put(given["presigned_url"], content=b"flavors: {}").status_code == 200
    root = f"ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files"
    assert mlflow.http.get(root, params={"artifact_file_path": "MLmodel"}).content == b"flavors: {}"
    wrong = ({"path": "x"}, {"run_id": run, "model_id": model, "path": "x"}, {"run_id": run, "path": "../x"})
    for fields in (*wrong, {"run_id": run, "path": ""}, {"run_id": run, "path": "x", "expiration": 604_801}):
        refused = mlflow.refused("POST", "artifacts/presigned-upload-url", **fields)
        assert refused == (400, "INVALID_PARAMETER_VALUE")


def test_without_a_bucket_files_come_through_us(house):
    with served(build_app(house)) as url, httpx.Client(base_url=url) as http:
        mlflow = Mlflow(http)
        run = mlflow.run()
        assert mlflow.http.get(f"{API}/presigned/0/{run}/artifacts/x").json()["error_code"] == "NOT_IMPLEMENTED"
        refused = mlflow.refused("POST", "artifacts/presigned-upload-url", run_id=run, path="x")
        assert refused == (400, "INVALID_PARAMETER_VALUE")
        server = mlflow.ask("GET", "server-info")
        assert (server["multipart_uploads_enabled"], server["multipart_downloads_enabled"]) == (False, False)


STORY = """
import hashlib, json, os, sys
import mlflow
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository as repository
sent = []
upload = repository._upload_part
note = lambda credential, **rest: sent.append(credential.url) or upload(credential, **rest)
repository._upload_part = staticmethod(note)
with open("big.bin", "wb") as file:
    file.write(os.urandom(12 << 20))
digest = hashlib.sha256(open("big.bin", "rb").read()).hexdigest()
with mlflow.start_run() as run:
    mlflow.log_artifact("big.bin", "models")
path = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="models/big.bin", dst_path="back")
same = hashlib.sha256(open(path, "rb").read()).hexdigest() == digest
print(json.dumps([len(sent), same, all(url.startswith(sys.argv[1]) for url in sent)]))
"""


@pytest.mark.s3
@pytest.mark.mlflow
@pytest.mark.timeout(300)
def test_mlflows_own_client_sends_and_reads_without_us(bucket_house, s3_server, tmp_path):
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        pytest.skip(str(reason))
    with served(build_app(bucket_house)) as url:
        settings = {"MLFLOW_TRACKING_URI": url, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "HOME": str(tmp_path)}
        settings |= {"MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": str(6 * MB)}
        settings |= {"MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": str(5 * MB)}
        settings |= {"MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": str(5 * MB)}
        answer = subprocess.run(
            [python, "-c", STORY, s3_server],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | settings,
        )
    assert answer.returncode == 0, answer.stderr[-6000:]
    assert json.loads(answer.stdout.splitlines()[-1]) == [3, True, True]
