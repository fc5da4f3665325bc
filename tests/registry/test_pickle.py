"""A model that is a pickle: never read before somebody has answered for it, and then it works."""

from __future__ import annotations

import pickle
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from ondol.kernel.errors import Invalid, Refused
from ondol.registry import service
from ondol.registry.repo.tables import versions as table
from ondol.registry.rules import consent

ROOT = "0/models/m-1/artifacts"
MLMODEL = """flavors:
  sklearn:
    pickled_model: model.pkl
signature:
  inputs: '[{"type": "double", "name": "wind speed", "required": true}, {"type": "double",
    "name": "it''s", "required": true}, {"type": "double", "name": "hour", "required":
    true}]'
  outputs: '[{"type": "long", "required": true}]'
"""


class Trap:
    """Whoever reads this pickle leaves a file behind."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def linked(house, content: bytes, mlmodel: str = MLMODEL):
    house.tools().blobs.put(f"mlflow/{ROOT}/model.pkl", content)
    if mlmodel:
        house.tools().blobs.put(f"mlflow/{ROOT}/MLmodel", mlmodel.encode())
    house.call("models.declare", {"spec": {"name": "delay"}})
    fields = {"model": "delay", "source": f"mlflow-artifacts:/{ROOT}", "folder": f"mlflow/{ROOT}"}
    return house.call("versions.link", fields)


def adopt(house, version, actor="ana", **fields):
    return house.call("versions.adopt", {"version": version.id, **fields}, actor=actor)


def test_nothing_reads_a_pickle_without_consent_and_adoption_not_even_with_it(house, tmp_path):
    file = tmp_path / "sprung"
    version = linked(house, pickle.dumps(Trap(file)))
    with pytest.raises(Refused, match="without running code") as caught:
        adopt(house, version)
    assert "--trust-pickle" in caught.value.hint
    with pytest.raises(Invalid, match="why"):
        adopt(house, version, trust_pickle=True, reason=" ")
    adopted = adopt(house, version, trust_pickle=True, reason="trained by us")
    assert (adopted.flavor, adopted.features) == ("pickle", ["wind speed", "it's", "hour"])
    assert not file.exists()
    with pytest.raises(Refused, match="which nothing here can ask"):
        service.load(house.tools(), version.id)
    assert file.exists()


def test_with_consent_a_model_of_a_client_works_and_all_see_who_consented(house):
    linear = pytest.importorskip("sklearn.linear_model")
    rows = pl.DataFrame({"wind": [0.0, 1.0, 2.0, 3.0], "hour": [1.0, 5.0, 2.0, 8.0]})
    model = linear.LogisticRegression().fit(rows, [0, 0, 1, 1])
    version = linked(house, pickle.dumps(model), mlmodel="")
    with pytest.raises(Invalid, match="which features"):
        adopt(house, version, trust_pickle=True, reason="trained by us")
    fields = {"trust_pickle": True, "reason": "trained by us", "features": ["wind", "hour"], "label": "late"}
    adopted = adopt(house, version, **fields)
    scores = service.load(house.tools(), version.id).predict(rows)
    assert scores == pytest.approx(model.predict_proba(rows)[:, 1].tolist())
    assert (adopted.consent.by, adopted.consent.reason) == ("ana", "trained by us")
    told = "a pickle, which ana consented to on 2013-04-01: trained by us"
    assert told in adopted.card
    ticks = house.call("models.evidence", {"model": "delay", "reference": "1"})
    assert told in {kind.name: kind.summary for kind in ticks.kinds}["parameters"]
    audited = [(entry.actor, entry.operation, entry.subject) for entry in house.call("audit.list")]
    assert ("ana", "versions.adopt", version.id) in audited


def test_consent_in_the_database_alone_is_none(house, tmp_path):
    file = tmp_path / "sprung"
    version = linked(house, pickle.dumps(Trap(file)))
    adopted = adopt(house, version, trust_pickle=True, reason="trained by us")
    for given in (None, {"by": "eve", "at": adopted.consent.at, "reason": "x", "code": adopted.consent.code}):
        with house.tools().transaction(write=True) as tools:
            tools.connection.execute(sa.update(table).values(consent=given))
        with pytest.raises(Refused, match="nobody has consented"):
            service.load(house.tools(), version.id)
    assert not file.exists()


def test_a_pickle_is_not_registered_past_the_consent(house, tmp_path):
    version = linked(house, pickle.dumps(Trap(tmp_path / "sprung")))
    adopted = adopt(house, version, trust_pickle=True, reason="trained by us")
    fields = {"key": "k", "flavor": "pickle", "package": adopted.package, "files": adopted.files}
    with pytest.raises(Refused, match="not registered"):
        house.call("versions.register", {"model": "delay", **fields})


@pytest.mark.parametrize(
    "text", ["", "signature: null", "signature:\n  inputs: 'no json'", "signature:\n  inputs: '[1]'"]
)
def test_a_description_may_say_nothing_of_features(text):
    assert consent.features_of(text) == []


@pytest.mark.parametrize("folder", ["models/delay/1", "lake/silver/flights", "runs/../../x", "runs/r", "/etc/x/y"])
def test_a_linked_folder_is_one_that_clients_write_to(house, folder):
    house.call("models.declare", {"spec": {"name": "delay"}})
    with pytest.raises(Invalid, match="no folder that a client"):
        house.call("versions.link", {"model": "delay", "source": "s3://a/b", "folder": folder})
