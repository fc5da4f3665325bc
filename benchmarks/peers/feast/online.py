"""Feast's side of `benchmarks/online.py`: `online.py FOLDER`, where `views.json` says which tables are there.

It applies the views and materialises them, says "ready", and answers each line of input with the seconds that it
took, by the wall and of CPU, for one call: `materialize VIEW`, `apply`, or `read CALLS` (the questions are in
`questions.json`).
"""

import json
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

CONFIG = """
project: bench
provider: local
registry: {folder}/registry.db
online_store:
    type: sqlite
    path: {folder}/online.db
offline_store:
    type: file
entity_key_serialization_version: 3
auth:
    type: no_auth
telemetry: false
"""


def view(name, features, folder):
    source = FileSource(path=str(folder / f"{name}.parquet"), timestamp_field="at")
    entity = Entity(name=name, join_keys=[name], value_type=ValueType.STRING)
    fields = [Field(name=feature, dtype=Float64) for feature in features]
    return entity, FeatureView(
        name=f"{name}_view", entities=[entity], ttl=timedelta(days=3650), schema=fields, source=source
    )


def main():
    answer, sys.stdout = sys.stdout, sys.stderr  # Feast tells a lot
    folder = Path(sys.argv[1])
    views = json.loads((folder / "views.json").read_text())
    questions = json.loads((folder / "questions.json").read_text())
    (folder / "feature_store.yaml").write_text(CONFIG.format(folder=folder))
    store = FeatureStore(repo_path=str(folder))
    objects = [part for name, features in views.items() for part in view(name, features, folder)]
    store.apply(objects)
    end = datetime.now(UTC)
    begin = end - timedelta(days=3650)
    store.materialize(begin, end)
    wanted = [f"{name}_view:{feature}" for name, features in views.items() for feature in features]

    def read(calls):
        rows = [dict(zip(questions, values, strict=True)) for values in zip(*questions.values(), strict=True)]
        for _ in range(calls):
            found = store.get_online_features(features=wanted, entity_rows=rows).to_dict()
        assert len(found) == len(views) + len(wanted)
        assert all(value is not None for values in found.values() for value in values)

    print("ready", file=answer, flush=True)
    for line in sys.stdin:
        task, *rest = line.split()
        calls = int(rest[0]) if task == "read" else 1
        wall, cpu = time.perf_counter(), time.process_time()
        if task == "read":
            read(calls)
        elif task == "apply":
            FeatureStore(repo_path=str(folder)).apply(objects)
        else:
            store.materialize(begin, end, feature_views=[rest[0]])
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(wall / calls, cpu / calls, file=answer, flush=True)


if __name__ == "__main__":
    main()
