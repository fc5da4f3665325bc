"""A point-in-time join by Feast over the Parquet files of a folder, once for each line read."""

from __future__ import annotations

import os
import sys
import time
from datetime import timedelta
from pathlib import Path

os.environ["FEAST_USAGE"] = "False"

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64
from feast.value_type import ValueType

folder, views = Path(sys.argv[1]), sys.argv[2:]
config = RepoConfig(
    project="peer", provider="local", registry=str(folder / "registry.db"), offline_store={"type": "duckdb"},
    online_store={"type": "sqlite", "path": str(folder / "online.db")}, entity_key_serialization_version=3,
)  # fmt: skip
store = FeatureStore(config=config)
entity = Entity(name="entity", join_keys=["entity"], value_type=ValueType.INT64)
declared = [
    FeatureView(
        name=view,
        entities=[entity],
        ttl=timedelta(days=7),
        schema=[Field(name="a", dtype=Float64), Field(name="b", dtype=Float64)],
        source=FileSource(
            name=view, path=str(folder / f"{view}.parquet"), timestamp_field="at", created_timestamp_column="known"
        ),
    )
    for view in views
]
store.apply([entity, *declared])
asked = pd.read_parquet(folder / "asked.parquet").rename(columns={"asked_at": "event_timestamp"})
wanted = [f"{view}:{name}" for view in views for name in ("a", "b")]
for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    found = store.get_historical_features(asked, wanted, full_feature_names=True).to_df()
    print("took", time.perf_counter() - wall, time.process_time() - cpu, len(found), flush=True)
