"""Take over traces: what is known of each, what people said of it, and its spans.

They travel in MLflow's own words, which the house speaks: the information of a trace as the protocol's `TraceInfo`, the
spans as the file `traces.json` that clients write.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from ondol.doors.client import Client
from ondol.exchange.copying import Report
from ondol.exchange.source import Source, SourceExperiment, SourceTrace
from ondol.kernel.errors import OndolError

_NOTE = "ondol.imported_from"
_TRACES = "/api/3.0/mlflow/traces"


def take_traces(source: Source, client: Client, experiment: SourceExperiment, here: str, report: Report) -> None:
    """The traces of an experiment, whose id in the house is `here`."""
    for trace in source.traces(experiment):
        try:
            _take(client, trace, here, source.where, report)
        except OndolError as error:
            report.problems.append(f"trace {trace.id}: {error.message}")


def _take(client: Client, trace: SourceTrace, here: str, where: str, report: Report) -> None:
    known = _post(client, f"{_TRACES}/batchGetInfos", {"trace_ids": [trace.id]})["trace_infos"]
    if known and known[0].get("tags", {}).get(_NOTE) == where:
        report.skipped += 1
        return
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": here}}
    _post(client, _TRACES, {"trace": {"trace_info": trace.info | {"trace_id": trace.id, "trace_location": place}}})
    spans = len(msgspec.json.decode(trace.spans).get("spans", [])) if trace.spans else 0
    if spans:
        made = client.call("traces.import", trace=trace.id, spans=trace.spans)
        if made.spans != spans:
            report.problems.append(f"trace {trace.id}: {made.spans} spans here, {spans} in the source")
            return
    report.traces += 1
    report.spans += spans
    # Last, because the next import skips traces with this note.
    tag = msgspec.json.encode({"key": _NOTE, "value": where})
    client.request("PATCH", f"{_TRACES}/{quote(trace.id, safe='')}/tags", content=tag)


def _post(client: Client, path: str, content: dict[str, Any]) -> dict[str, Any]:
    answer = client.request("POST", path, content=msgspec.json.encode(content))
    return msgspec.json.decode(answer.data, type=dict[str, Any])
