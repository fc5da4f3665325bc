"""Write runs into a new SQLite database of MLflow's, faster than its server would: `fill.py FILE RUNS POINTS`.

Prints the experiment's id and the id of the run whose metric `h` has POINTS points.
"""

from __future__ import annotations

import random
import sqlite3
import sys
import uuid

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

file, runs, points = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
experiment = SqlAlchemyStore(f"sqlite:///{file}", "mlflow-artifacts:/").create_experiment("bench")
chance = random.Random(1)
ids = [uuid.uuid4().hex for _ in range(runs)]
with sqlite3.connect(file) as raw:
    raw.executemany(
        "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,"
        " end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)"
        " VALUES (?, ?, 'UNKNOWN', '', '', 'me', 'FINISHED', ?, 1700000000000, '', 'active', ?, ?)",
        [
            (
                one,
                f"run{place}",
                1700000000000 + chance.randrange(10**9),
                f"mlflow-artifacts:/1/{one}/artifacts",
                experiment,
            )
            for place, one in enumerate(ids)
        ],
    )
    metrics = [(f"m{number}", chance.random(), one) for one in ids for number in range(5)]
    for table in ("metrics", "latest_metrics"):
        raw.executemany(
            f"INSERT INTO {table} (key, value, timestamp, step, is_nan, run_uuid) VALUES (?, ?, 1, 0, 0, ?)",  # noqa: S608
            metrics,
        )
    raw.executemany(
        "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
        [(f"p{number}", str(chance.randrange(10)), one) for one in ids for number in range(5)],
    )
    tags = [(f"t{number}", str(chance.randrange(5)), one) for one in ids for number in range(3)]
    tags += [("mlflow.runName", f"run{place}", one) for place, one in enumerate(ids)]
    raw.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", tags)
    raw.executemany(
        "INSERT INTO metrics (key, value, timestamp, step, is_nan, run_uuid) VALUES ('h', ?, ?, ?, 0, ?)",
        [(chance.random(), 1700000000000 + number, number, ids[0]) for number in range(points)],
    )
print(experiment, ids[0])
