"""Great Expectations over a Parquet file, once for every line of input; prints the seconds of each validation."""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

logging.disable(logging.WARNING)
warnings.filterwarnings("ignore")
frame = pd.read_parquet(sys.argv[1])
carriers = sys.argv[2:]
context = gx.get_context(mode="ephemeral")
context.variables.progress_bars = {"globally": False}
asset = context.data_sources.add_pandas("rows").add_dataframe_asset("flights")
batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
suite = context.suites.add(
    gx.ExpectationSuite(
        name="flights",
        expectations=[
            gxe.ExpectColumnValuesToNotBeNull(column="flight"),
            gxe.ExpectColumnValuesToBeUnique(column="flight"),
            gxe.ExpectColumnValuesToNotBeNull(column="departs_at"),
            gxe.ExpectColumnValuesToBeBetween(column="distance", min_value=1, max_value=6000),
            gxe.ExpectColumnValuesToBeBetween(column="delay", min_value=-200, max_value=2000),
            gxe.ExpectColumnValuesToBeInSet(column="carrier", value_set=carriers),
            gxe.ExpectColumnValuesToMatchRegex(column="tail", regex="^N[0-9]{5}$"),
            gxe.ExpectTableRowCountToBeBetween(min_value=1),
        ],
    )
)
for _line in sys.stdin:
    wall, cpu = time.perf_counter(), time.process_time()
    result = batch.validate(suite, result_format="BOOLEAN_ONLY")
    took = {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    assert result.success, result
    print(json.dumps(took), flush=True)
