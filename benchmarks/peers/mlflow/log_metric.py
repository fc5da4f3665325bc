"""Rounds of `mlflow.log_metric`, one for each line read: its own store on SQLite, in process, no server between."""

from __future__ import annotations

import os
import sys
import time

os.environ["MLFLOW_ENABLE_ASYNC_LOGGING"] = "false"

import mlflow

mlflow.set_tracking_uri(f"sqlite:///{sys.argv[1]}")
with mlflow.start_run():
    mlflow.log_metric("loss", 0.5, step=0)
    print("ready", flush=True)
    step = 0
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(int(line)):
            step += 1
            mlflow.log_metric("loss", 0.5, step=step)
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
