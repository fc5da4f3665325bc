"""Rounds of `dvc add` of one folder, one for each line read, after a file in it was rewritten."""

from __future__ import annotations

import os
import sys
import time

# What DVC prints goes with the errors.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

from dvc.repo import Repo  # noqa: E402

home, folder = sys.argv[1], sys.argv[2]
os.chdir(home)
Repo.init(home, no_scm=True).close()
repo = Repo(home)
repo.add(folder)
repo.add(folder)
print("ready", file=answers, flush=True)
for _ in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    repo.add(folder)
    print(time.perf_counter() - wall, time.process_time() - cpu, file=answers, flush=True)
