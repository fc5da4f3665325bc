"""The process that runs one job: `python -m ondol.runner JOB --home HOME`."""
