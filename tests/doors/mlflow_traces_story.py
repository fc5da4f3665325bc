"""What a team that traces its calls does, with MLflow's own client. Runs in an environment of its own; prints JSON.

It knows nothing of the server but MLFLOW_TRACKING_URI.
"""

from __future__ import annotations

import base64
import json
import math
import random
import sys
import warnings

warnings.filterwarnings("ignore")

import mlflow  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from mlflow import MlflowClient  # noqa: E402
from mlflow.entities import AssessmentSource, SpanType  # noqa: E402
from mlflow.exceptions import MlflowException  # noqa: E402
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402

client = MlflowClient()
known: dict = {}


def refused(call, *arguments, **named):
    try:
        call(*arguments, **named)
    except MlflowException as error:
        return error.error_code
    return "taken"


@mlflow.trace(span_type=SpanType.TOOL, attributes={"depth": 2, "ratio": 0.5, "none": None})
def look_up(key):
    return {"key": key, "rows": [1, 2.5, None, True, "ü"]}


@mlflow.trace
def answer(question):
    with mlflow.start_span("think", span_type=SpanType.CHAIN) as span:
        span.set_inputs({"q": question})
        span.add_event(mlflow.entities.SpanEvent("woke", attributes={"n": 1}))
        span.set_outputs([look_up("a")])
    mlflow.update_current_trace(tags={"team": "ops"}, metadata={"mlflow.trace.session": "s-1"})
    return f"answer to {question}"


@mlflow.trace
def fails():
    raise ValueError("no")


def tracing(experiment):
    answer("why?")
    mlflow.flush_trace_async_logging()
    first = mlflow.get_last_active_trace_id()
    found = mlflow.get_trace(first)
    known["spans"] = [[span.name, span.span_type, span.status.status_code.value] for span in found.data.spans]
    root, think, tool = found.data.spans
    known["tree"] = [root.parent_id, think.parent_id == root.span_id, tool.parent_id == think.span_id]
    known["values"] = [root.inputs, root.outputs, think.outputs, tool.attributes["depth"], tool.attributes["ratio"]]
    known["event"] = [think.events[0].name, think.events[0].attributes]
    info = found.info
    known["info"] = [info.state.value, info.request_preview, info.response_preview, info.execution_duration >= 0]
    known["tags"] = [info.tags["team"], info.tags["mlflow.traceName"], info.tags["mlflow.trace.spansLocation"]]
    known["where"] = info.tags["mlflow.artifactLocation"] == f"mlflow-artifacts:/{experiment}/traces/{first}/artifacts"
    known["session"] = info.trace_metadata["mlflow.trace.session"]
    known["raises"] = refused(lambda: None) and _raised()
    return first


def _raised():
    try:
        fails()
    except ValueError:
        mlflow.flush_trace_async_logging()
    found = mlflow.get_trace(mlflow.get_last_active_trace_id())
    return [found.info.state.value, found.data.spans[0].events[0].name]


def runs(experiment):
    with mlflow.start_run() as run:
        answer("in a run")
    mlflow.flush_trace_async_logging()
    second = mlflow.get_last_active_trace_id()
    known["of the run"] = len(mlflow.search_traces(run_id=run.info.run_id, return_type="list"))
    return run.info.run_id, second


def found(filter_string=None, **more):
    return len(mlflow.search_traces(filter_string=filter_string, return_type="list", **more))


def searching(first):
    known["searches"] = [
        found(),
        found("trace.status = 'ERROR'"),
        found("tags.team = 'ops' AND trace.name LIKE 'ans%'"),
        found("span.name = 'think' AND span.type = 'CHAIN'"),
        found("metadata.`mlflow.trace.session` = 's-1'"),
        found(f"request_id = '{first}'"),
        found("trace.timestamp_ms > 0 AND trace.execution_time_ms >= 0"),
        found("trace.text ILIKE '%WHY?%'"),
    ]
    page = client.search_traces(locations=[experiment_of(first)], max_results=2, order_by=["timestamp_ms ASC"])
    rest = client.search_traces(
        locations=[experiment_of(first)], max_results=2, order_by=["timestamp_ms ASC"], page_token=page.token
    )
    known["pages"] = [len(page), len(rest), rest.token, page[0].info.trace_id == first]
    known["frame"] = list(mlflow.search_traces(max_results=1).columns)[:3]
    known["wrong"] = refused(mlflow.search_traces, filter_string="trace.nothing = 'x'")


def experiment_of(trace):
    return mlflow.get_trace(trace).info.experiment_id


def judging(first):
    human = AssessmentSource("HUMAN", "kim")
    said = mlflow.log_feedback(trace_id=first, name="right", value=True, rationale="it is", source=human)
    mlflow.log_feedback(trace_id=first, name="score", value=0.75, metadata={"k": "v"})
    wanted = mlflow.log_expectation(trace_id=first, name="answer", value={"text": "because", "n": [1, 2]})
    kept = mlflow.get_trace(first).info.assessments
    known["assessments"] = [[one.name, one.value] for one in sorted(kept, key=lambda one: one.name)]
    read = mlflow.get_assessment(first, said.assessment_id)
    known["feedback"] = [read.rationale, read.source.source_type, read.source.source_id, read.valid]
    known["judged"] = [
        found("feedback.right = 'true'"),
        found("feedback.score > 0.5"),
        found("feedback.score > 0.8"),
        found("expectation.answer IS NOT NULL"),
    ]
    changed = mlflow.update_assessment(first, wanted.assessment_id, mlflow.entities.Expectation("answer", "so"))
    known["changed"] = changed.value
    over = mlflow.override_feedback(trace_id=first, assessment_id=said.assessment_id, value=False, source=human)
    known["overridden"] = [mlflow.get_assessment(first, said.assessment_id).valid, over.overrides == said.assessment_id]
    mlflow.delete_assessment(first, over.assessment_id)
    known["restored"] = mlflow.get_assessment(first, said.assessment_id).valid
    known["gone"] = refused(mlflow.get_assessment, first, over.assessment_id)


def tagging(first):
    client.set_trace_tag(first, "by", "hand")
    before = mlflow.get_trace(first).info.tags["by"]
    client.delete_trace_tag(first, "by")
    known["tag"] = [before, "by" in mlflow.get_trace(first).info.tags, refused(client.delete_trace_tag, first, "by")]


def linking(first, run):
    client.link_traces_to_run([first], run)
    known["linked"] = len(mlflow.search_traces(run_id=run, return_type="list"))


def deleting(experiment, second):
    known["deleted"] = client.delete_traces(experiment, trace_ids=[second])
    known["missing"] = refused(client.get_trace, second)
    known["all deleted"] = client.delete_traces(experiment, max_timestamp_millis=4_000_000_000_000)


def _value(dice, value, depth=0):
    kind = dice.randrange(7 if depth < 3 else 5)
    if kind == 0:
        value.string_value = "".join(chr(dice.choice([65, 233, 0x4E2D, 0x1F600])) for _ in range(dice.randrange(4)))
    elif kind == 1:
        value.bool_value = dice.random() < 0.5
    elif kind == 2:
        value.int_value = dice.randrange(-(2**63), 2**63) >> dice.randrange(64)
    elif kind == 3:
        value.double_value = dice.choice([0.0, -1.5, 1e300, math.nan, math.inf, -math.inf, dice.random()])
    elif kind == 4:
        value.bytes_value = dice.randbytes(dice.randrange(4))
    elif kind == 5:
        value.array_value.SetInParent()
        for _ in range(dice.randrange(3)):
            _value(dice, value.array_value.values.add(), depth + 1)
    else:
        value.kvlist_value.SetInParent()
        _attributes(dice, value.kvlist_value.values, depth + 1)


def _attributes(dice, many, depth=0):
    for _ in range(dice.randrange(4)):
        one = many.add()
        one.key = dice.choice(["", "a", "mlflow.spanInputs", "gen_ai.usage.input_tokens"])
        if dice.random() < 0.9:
            _value(dice, one.value, depth)


def messages(count=200):
    """Requests as the library of Protocol Buffers writes them, with what it reads in them."""
    dice = random.Random(7)
    written = []
    for _ in range(count):
        request = ExportTraceServiceRequest()
        for _ in range(dice.randrange(3)):
            group = request.resource_spans.add()
            _attributes(dice, group.resource.attributes)
            for _ in range(dice.randrange(3)):
                scope = group.scope_spans.add()
                scope.scope.name = "left out"
                for _ in range(dice.randrange(3)):
                    _span(dice, scope.spans.add())
        said = MessageToDict(request, preserving_proto_field_name=True)
        camel = MessageToDict(request)
        written.append([base64.b64encode(request.SerializeToString()).decode(), said, camel])
    return written


def _span(dice, span):
    span.trace_id, span.span_id = dice.randbytes(16), dice.randbytes(8)
    if dice.random() < 0.5:
        span.parent_span_id = dice.randbytes(8)
    span.name = dice.choice(["", "a", "é"])
    span.kind = dice.randrange(6)
    span.start_time_unix_nano = dice.randrange(2**63)
    span.end_time_unix_nano = dice.choice([0, dice.randrange(2**63)])
    span.flags = dice.randrange(2**32)
    span.dropped_events_count = dice.randrange(300)
    _attributes(dice, span.attributes)
    for _ in range(dice.randrange(3)):
        event = span.events.add()
        event.name, event.time_unix_nano = "e", dice.randrange(2**63)
        _attributes(dice, event.attributes)
    for _ in range(dice.randrange(2)):
        link = span.links.add()
        link.trace_id, link.span_id = dice.randbytes(16), dice.randbytes(8)
        _attributes(dice, link.attributes)
    if dice.random() < 0.7:
        span.status.code = dice.randrange(3)
        span.status.message = dice.choice(["", "no"])


def main():
    if sys.argv[1:] == ["messages"]:
        print(json.dumps(messages()))
        return
    experiment = mlflow.set_experiment("traced").experiment_id
    first = tracing(experiment)
    run, second = runs(experiment)
    searching(first)
    judging(first)
    tagging(first)
    linking(first, run)
    deleting(experiment, second)
    print(json.dumps(known))


main()
