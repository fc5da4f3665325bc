"""Runs of scripts: logged at once, delivered behind, however the script or the server ends."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import ondol as od
from ondol.sdk.runs import channel
from tests.sdk.training import Place, points


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(channel, "_said", set())
    found = Place(tmp_path)
    yield found
    found.close()


def test_what_was_logged_has_arrived_when_the_block_is_left(place):
    (place.folder / "plot.png").write_bytes(b"\x89PNG")
    with place.open() as client:
        with od.start_run("churn", name="try 3", params={"leaves": 63}, capture=False) as run:
            for step in range(2_500):
                run.log({"loss": 1 / (step + 1)}, step=step)
            run.log({"worst": float("nan"), "far": float("inf")}, step=7)
            run.set_tags({"team": "late"})
            run.log_artifact("plot.png")
            run.log_text("fine", "notes/end.txt")
        found = client.runs.get(run=run.id)
        assert (found.experiment, found.name, found.status) == ("churn", "try 3", "finished")
        assert found.params == {"leaves": 63}
        assert found.tags["team"] == "late"
        assert (found.metrics["worst"], found.metrics["far"]) == ("NaN", "Infinity")
        assert points(client, run.id, "loss") == [(step, 1 / (step + 1)) for step in range(2_500)]
        assert client.runs.artifact(run=run.id, path="notes/end.txt").body == b"fine"
        assert client.runs.artifact(run=run.id, path="plot.png").body == b"\x89PNG"
    assert place.waiting() == []


def test_values_without_a_step_follow_one_another(place):
    with place.open() as client:
        with od.start_run(capture=False) as run:
            run.log({"loss": 3})
            run.log({"loss": 2}, step=10)
            run.log({"loss": 1})
        assert points(client, run.id, "loss") == [(0, 3.0), (10, 2.0), (11, 1.0)]


def test_a_run_inside_another_is_nested_below_it(place):
    with place.open() as client:
        with od.start_run("search", capture=False) as outer:
            with od.start_run(name="trial", capture=False) as inner:
                inner.log({"auc": 0.7})
            outer.log({"best": 0.7})
        found = client.runs.get(run=inner.id)
        assert found.experiment == "search"
        assert found.tags["mlflow.parentRunId"] == outer.id
        assert set(client.runs.get(run=outer.id).metrics) == {"best"}


def test_logging_goes_on_when_no_house_serves_and_arrives_once_one_does(place, caplog):
    with od.start_run("alone", capture=False) as run:
        for step in range(10):
            run.log({"loss": step}, step=step)
    assert len([record for record in caplog.records if "delivered later" in record.message]) == 1
    assert len(place.waiting()) == 1
    with place.open() as client:
        assert place.deliver().folders == 1
        assert place.deliver().folders == 0
        found = client.runs.get(run=run.id)
        assert found.status == "finished"
        assert abs(found.started_at.timestamp() - time.time()) < 60
        assert len(points(client, run.id, "loss")) == 10
    assert place.waiting() == []


def test_the_next_run_delivers_what_the_last_one_left(place):
    with od.start_run(capture=False) as first:
        first.log({"loss": 1})
    with place.open() as client:
        with od.start_run(capture=False) as second:
            second.log({"loss": 2})
            deadline = time.monotonic() + 20
            while place.waiting()[0] != second.channel.writer.folder and time.monotonic() < deadline:
                time.sleep(0.05)
        assert points(client, first.id, "loss") == [(0, 1.0)]


def test_what_the_house_refuses_is_said_and_kept_and_the_rest_arrives(place, caplog):
    with place.open() as client:
        with od.start_run(capture=False) as run:
            run.log({"loss": 1.0, "no/name/": 2.0, "bad\nname": 3.0, "auc": 0.5}, step=1)
        assert set(client.runs.get(run=run.id).metrics) >= {"loss", "auc"}
        assert "bad\nname" not in client.runs.get(run=run.id).metrics
    assert [record for record in caplog.records if "refuses" in record.message]
    assert "bad\\nname" in (place.config.spool_path / "refused.jsonl").read_text()


def test_a_run_is_not_lost_because_of_its_name(place, caplog):
    with place.open() as client:
        with od.start_run(
            "churn\n", name="try; 3", run_id="an id", capture=False, params={"rate": float("nan")}
        ) as run:
            run.log({"loss": 1.0})
        found = client.runs.get(run=run.id)
        assert (found.experiment, found.name, found.status) == ("churn_", "try_ 3", "finished")
        assert found.params == {"rate": "NaN"}
    assert len(caplog.records) == 3


def test_a_run_that_was_deleted_meanwhile_costs_one_request_a_batch(place, caplog, monkeypatch):
    from ondol.sdk.runs.wire import Wire

    sent = []
    original = Wire.log
    monkeypatch.setattr(Wire, "log", lambda self, *given: (sent.append(1), original(self, *given)))
    with place.open() as client, od.start_run(capture=False) as run:
        run.log({"loss": 1.0})
        assert run.flush()
        client.runs.delete(run=run.id)
        before = len(sent)
        for step in range(900):
            run.log({"loss": step})
        assert run.flush()
        assert len(sent) - before <= 4
    assert any("deleted" in record.message for record in caplog.records)


def test_mistakes_in_logging_do_not_reach_the_training(place, caplog):
    with place.open(), od.start_run(capture=False) as run:
        run.log({"loss": "much"})
        run.log("loss")
        run.log_artifact("nowhere.txt")
        run.log_params(7)
        run.log_params({"leaves": 63})
        run.log_params({"leaves": 31})
        run.log_figure(object(), "x.png")
    said = "\n".join(record.message for record in caplog.records)
    assert "run.log:" in said
    assert "nowhere.txt" in said
    assert "keeps its first value 63" in said


def test_a_server_that_answers_nonsense_is_a_server_that_is_away(place, caplog, monkeypatch):
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from tests.rooms import served

    nonsense = Starlette(routes=[Route("/{rest:path}", lambda _: PlainTextResponse("<html>", 404), methods=["POST"])])
    with served(nonsense) as url:
        monkeypatch.setenv("ONDOL_URL", url)
        with od.start_run(capture=False) as run:
            run.log({"loss": 1})
    assert len(place.waiting()) == 1
    assert any("404" in record.message for record in caplog.records)


def test_a_hundred_thousand_calls_stay_on_disk_and_not_in_memory(place):
    with od.start_run(capture=False) as run:
        run.log({"loss": 0.5}, step=0)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for step in range(100_000):
            run.log({"loss": 0.5}, step=step)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 16_000, f"{grown} kB"


def test_a_script_killed_with_9_loses_nothing_and_its_run_is_shown_as_killed(place):
    script = place.start("""
        import os, time
        run = od.start_run("deadly", capture=False)
        for step in range(5_000):
            run.log({"loss": step}, step=step)
        print(run.id, flush=True)
        os.kill(os.getpid(), 9)
    """)
    out, _ = script.communicate(timeout=60)
    run = out.split()[0]
    assert script.returncode == -signal.SIGKILL
    with place.open() as client:
        assert place.deliver().folders == 1
        assert points(client, run, "loss") == [(step, float(step)) for step in range(5_000)]
        found = client.runs.get(run=run)
        assert found.status == "killed"
        assert found.ended_at >= found.started_at


def test_whenever_a_script_is_killed_every_point_that_was_logged_arrives_once(place):
    acknowledged = {}
    with place.open() as client:
        for pause in (0.05, 0.4):
            script = place.start("""
                import os
                run = od.start_run("random", capture=False)
                os.write(1, run.id.encode() + b"\\n")
                for step in range(10_000_000):
                    run.log({"loss": step}, step=step)
                    if step % 10 == 0:
                        os.write(1, b"%d\\n" % step)
            """)
            run = script.stdout.readline().strip()
            lines: list[str] = []
            reading = threading.Thread(target=lambda script=script, lines=lines: lines.extend(script.stdout))
            reading.start()
            time.sleep(pause)
            script.kill()
            script.wait()
            reading.join()
            acknowledged[run] = max((int(line) for line in lines if line.endswith("\n")), default=-1)
        place.deliver()
        for run, last in acknowledged.items():
            assert client.runs.get(run=run).status == "killed"
            page = points(client, run, "loss") if last >= 0 else []
            steps = [step for step, _ in page]
            # The newest of them: a history has an end.
            assert steps == list(range(steps[0], steps[-1] + 1)) if steps else last < 0
            assert last <= (steps[-1] if steps else -1)


def test_many_threads_log_to_one_run(place):
    with place.open() as client:
        with od.start_run(capture=False) as run:

            def work(name: str) -> None:
                for step in range(2_000):
                    run.log({name: step}, step=step)

            threads = [threading.Thread(target=work, args=(f"loss{number}",)) for number in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for number in range(4):
            assert points(client, run.id, f"loss{number}") == [(step, float(step)) for step in range(2_000)]


def test_a_script_killed_after_everything_had_arrived_is_shown_as_killed(place):
    with place.open() as client:
        script = place.start("""
            import os
            run = od.start_run("deadly", capture=False)
            run.log({"loss": 1})
            assert run.flush()
            print(run.id, flush=True)
            os.kill(os.getpid(), 9)
        """)
        run = script.communicate(timeout=60)[0].split()[0]
        assert client.runs.get(run=run).status == "running"
        place.deliver()
        assert client.runs.get(run=run).status == "killed"
    assert place.waiting() == []


def test_an_exception_leaves_a_failed_run_with_its_traceback(place):
    with place.open() as client:
        status, _, err = place.run("""
            with od.start_run("broken", capture=False) as run:
                print(run.id)
                raise ValueError("the learning rate is a fish")
        """)
        assert status == 1
        assert "a fish" in err
        found = client.runs.list(experiment="broken").items[0]
        assert found.status == "failed"
        assert found.tags["error"] == "ValueError: the learning rate is a fish"
        text = client.runs.artifact(run=found.id, path="error.txt").body.decode()
        assert "train.py" in text
        assert "a fish" in text


def test_a_script_without_a_block_ends_its_run_as_it_ends_itself(place):
    with place.open() as client:
        assert place.run('od.start_run("fine", capture=False).log({"loss": 1})')[0] == 0
        assert client.runs.list(experiment="fine").items[0].status == "finished"
        assert place.run('run = od.start_run("broken", capture=False)\n1 / 0')[0] == 1
        found = client.runs.list(experiment="broken").items[0]
        assert (found.status, found.tags["error"]) == ("failed", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_script_that_is_stopped_leaves_a_killed_run(place, number):
    with place.open() as client:
        script = place.start("""
            import time
            run = od.start_run("stopped", capture=False)
            run.log({"loss": 1})
            print("ready", flush=True)
            time.sleep(60)
        """)
        assert script.stdout.readline() == "ready\n"
        script.send_signal(number)
        script.communicate(timeout=30)
        assert script.returncode != 0
        found = client.runs.list(experiment="stopped").items[0]
        assert found.status == "killed"
        assert found.tags["error"].startswith("stopped")


def test_a_forked_process_logs_to_the_run_of_its_parent(place):
    with place.open() as client:
        place.run("""
            import os
            with od.start_run("forks", capture=False) as run:
                child = os.fork()
                if not child:
                    run.log({"child": 1}, step=1)
                    os._exit(0)
                os.waitpid(child, 0)
                run.log({"parent": 1}, step=1)
        """)
        place.deliver()
        found = client.runs.list(experiment="forks").items[0]
        assert found.status == "finished"
        assert found.metrics == {"child": 1.0, "parent": 1.0}


def test_a_run_that_is_sent_to_another_process_takes_its_logs(place):
    with place.open() as client:
        status, _, err = place.run("""
            import multiprocessing

            def work(run, number):
                run.log({f"worker{number}": number}, step=0)
                assert run.flush()

            if __name__ == "__main__":
                with od.start_run("workers", capture=False) as run:
                    spawned = multiprocessing.get_context("spawn").Process(target=work, args=(run, 1))
                    spawned.start()
                    spawned.join()
                    run.log({"worker0": 0}, step=0)
        """)
        assert status == 0, err
        found = client.runs.list(experiment="workers").items
        assert [(run.status, run.metrics) for run in found] == [("finished", {"worker0": 0.0, "worker1": 1.0})]


def test_a_forked_process_that_logs_nothing_leaves_nothing_and_ends_no_run(place):
    with place.open() as client:
        status, out, _ = place.run("""
            import multiprocessing, os, pathlib
            with od.start_run("forks", capture=False) as run:
                child = os.fork()
                if not child:
                    raise SystemExit(0)
                os.waitpid(child, 0)
                print(len(list(pathlib.Path(".ondol/spool").glob("log_*"))))
                run.log({"still": 1})
        """)
        assert (status, out) == (0, "1\n")
        found = client.runs.list(experiment="forks").items[0]
        assert (found.status, found.metrics) == ("finished", {"still": 1.0})


def test_a_server_that_never_answers_keeps_nobody(place, monkeypatch):
    monkeypatch.setattr(channel, "END_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("ONDOL_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        before = time.monotonic()
        with od.start_run(capture=False) as run:
            for step in range(1_000):
                run.log({"loss": step}, step=step)
            assert time.monotonic() - before < 2
        assert time.monotonic() - before < 4
        assert run.channel.writer.folder in place.waiting()


def test_the_code_the_packages_the_console_and_the_machine_are_kept_without_a_word(place, monkeypatch):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    (place.folder / "helper.py").write_text("A = 1\n")
    for words in (["init", "-q"], ["add", "helper.py"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], cwd=place.folder, check=True)
    (place.folder / "helper.py").write_text("A = 2\n")
    with place.open() as client:
        place.run("""
            import sys, time
            from ondol.sdk.runs import start
            start.SECONDS = 0.1
            with od.start_run("kept"):
                print("epoch 1")
                print("careful", file=sys.stderr)
                time.sleep(0.5)
        """)
        found = client.runs.list(experiment="kept").items[0]
        commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=place.folder, text=True).strip()
        assert found.tags["mlflow.source.git.commit"] == commit
        assert found.tags["git.dirty"] == "true"
        assert found.tags["mlflow.source.name"].endswith("train.py")
        assert found.tags["python"] == ".".join(map(str, sys.version_info[:3]))
        assert found.person
        bodies = {
            part.path: client.runs.artifact(run=found.id, path=part.path).body
            for part in client.runs.artifacts(run=found.id)
        }
        assert b"+A = 2" in bodies["code/changes.patch"]
        assert b"epoch 1" in bodies["code/train.py"]
        assert b"msgspec==" in bodies["environment/packages.txt"]
        assert bodies["console.txt"] == b"epoch 1\ncareful\n"
        assert {"system/process_cpu_percent", "system/process_memory_peak_mb"} <= set(found.metrics)


def test_a_house_killed_in_the_middle_gets_every_point_once(place):
    def up() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "ondol", "up", "--port", "0"]
        house = subprocess.Popen(command, cwd=place.folder, stdout=subprocess.PIPE)
        assert b"is up" in house.stdout.readline()
        return house

    house = up()
    try:
        run = od.start_run("storm", capture=False)
        for step in range(3_000):
            run.log({"loss": step}, step=step)
            if step == 1_500:
                time.sleep(0.6)
                os.kill(house.pid, signal.SIGKILL)
                house.communicate()
        assert not run.flush()
        house = up()
        deadline = time.monotonic() + 30
        while not run.flush() and time.monotonic() < deadline:
            time.sleep(0.1)
        run.finish()
    finally:
        house.terminate()
        house.communicate(timeout=20)
    with place.open() as client:
        assert points(client, run.id, "loss") == [(step, float(step)) for step in range(3_000)]
        assert client.runs.get(run=run.id).status == "finished"
