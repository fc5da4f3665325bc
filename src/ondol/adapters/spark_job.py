"""What `spark-submit` runs, with Spark's own Python: nothing but the standard library and pyspark is there.

`spark_job.py request.json`: the jobs of `ports.training_engine`. An error stands in `error.txt` beside it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

_TYPES = {
    "string": "STRING", "integer": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP",
    "date": "DATE",
}  # fmt: skip


def main(request: Path) -> None:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.appName("ondol").getOrCreate()
    try:
        for job in json.loads(request.read_text()):
            for name, table in job["tables"].items():
                columns = ", ".join(f"`{column}` {_TYPES[kind]}" for column, kind in table["columns"].items())
                rows = spark.read.schema(columns)
                found = rows.parquet(*table["files"]) if table["files"] else spark.createDataFrame([], columns)
                found.createOrReplaceTempView(name)
            spark.sql(job["statement"]).write.mode("overwrite").parquet(job["folder"])
    except Exception as error:
        request.with_name("error.txt").write_text(str(error))
        raise
    finally:
        spark.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
