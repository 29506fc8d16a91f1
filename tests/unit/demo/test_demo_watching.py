"""The demo waits until every topic is published, starts what was lost, and says why it cannot go on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.demo import watching
from infra.demo.watching import SWEEP, DemoError, wait_for_ingests, wait_for_topics, wait_until_up
from infra.host.processes import Service

Runs = list[dict[str, Any]]


class Airflow:
    """Airflow by script: at every poll of what is active the next state of its runs; the last one stays."""

    def __init__(self, *states: Runs, is_up: bool = True, dags: int = 0, errors: tuple[str, ...] = ()) -> None:
        self._states, self._is_up, self._dags, self._errors = list(states), is_up, dags, errors
        self._now: Runs = []
        self.triggered: list[str] = []

    def is_up(self) -> bool:
        return self._is_up

    def log_in(self) -> None: ...

    def dag_ids(self) -> list[str]:
        return [f"dag_{number}" for number in range(self._dags)]

    def import_errors(self) -> list[str]:
        return list(self._errors)

    def active_runs(self) -> Runs:
        self._now = self._states.pop(0) if len(self._states) > 1 else self._states[0]
        return [run for run in self._now if run["state"] in ("queued", "running")]

    def runs(self) -> Runs:
        return self._now

    def trigger(self, dag_id: str) -> str:
        self.triggered.append(dag_id)
        return f"run_{len(self.triggered)}"

    def task_instances(self, dag_id: str, run_id: str) -> Runs:
        return [{"task_id": "transform", "state": "success"}, {"task_id": "check", "state": "failed"}]


def run(dag_id: str, state: str, run_id: str = "r") -> dict[str, Any]:
    return {"dag_id": dag_id, "dag_run_id": run_id, "state": state}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("POLL_SECONDS", "OF_FEW_POLL_SECONDS", "OF_MANY_POLL_SECONDS"):
        monkeypatch.setattr(watching, pause, 0.0)


def quiet(_stage: str, _done: int, _total: int) -> None: ...


def pending(*polls: list[str]) -> Callable[[], list[str]]:
    """Answer which topics are behind, poll by poll; the last answer stays."""
    left = list(polls)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


def test_ingests_are_followed_by_the_runs_that_were_started(tmp_path: Path) -> None:
    scheduled = run("ingest_a", "success", "scheduled")
    airflow = Airflow(
        [scheduled, run("ingest_a", "running"), run("ingest_b", "queued")],
        [scheduled, run("ingest_a", "success"), run("ingest_b", "failed")],
    )
    seen: list[tuple[str, int, int]] = []
    wait_for_ingests(airflow, [], {"ingest_a": "r", "ingest_b": "r"}, lambda *step: seen.append(step))
    assert seen == [("ingest", 0, 2), ("ingest", 2, 2)]


def idle(*runs: dict[str, Any]) -> list[Runs]:
    """Return polls at which nothing is active, and none sees it as quiet yet; these ``runs`` have ended."""
    return [list(runs) for _ in range(watching.QUIET_POLLS)]


def test_topics_that_data_started_are_awaited_without_a_sweep() -> None:
    airflow = Airflow([run("topic_a", "running")], [run("topic_a", "success")])
    ended = wait_for_topics(airflow, [], pending(["a"], []), 1, quiet)
    assert airflow.triggered == []
    assert ended.failed == {}


def test_what_is_behind_is_asked_when_runs_begin_or_end_and_not_at_every_poll() -> None:
    asked: list[int] = []
    runs = [[run("topic_a", "running")]] * 5 + [[run("topic_b", "running")]] * 5 + [[]]

    def behind() -> list[str]:
        asked.append(1)
        return ["a"] if len(asked) < 3 else []

    wait_for_topics(Airflow(*runs), [], behind, 1, quiet)
    assert len(asked) == 3


def test_a_lost_event_is_swept_up() -> None:
    quiet_polls = idle(run("topic_a", "success"))
    airflow = Airflow([run("topic_a", "running")], *quiet_polls, [], [run("topic_b", "running")], [])
    polls = [["a", "b"], *[["b"]] * (watching.QUIET_POLLS + 2), []]
    wait_for_topics(airflow, [], pending(*polls), 2, quiet)
    assert airflow.triggered == [SWEEP]


def test_a_blocked_topic_ends_the_wait_and_names_the_task() -> None:
    airflow = Airflow([run("topic_a", "running")], [run("topic_a", "failed")])
    ended = wait_for_topics(airflow, [], pending(["a"]), 1, quiet)
    assert ended.failed == {"topic_a": "check"}
    assert airflow.triggered == []


def test_a_topic_that_never_starts_is_given_up_after_some_sweeps() -> None:
    airflow = Airflow([])
    wait_for_topics(airflow, [], pending(["a"]), 1, quiet)
    assert airflow.triggered == [SWEEP] * watching.MAX_SWEEPS


def test_a_process_that_ended_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "airflow-scheduler.log"
    log.write_text("first\nOSError: disk is full\n")
    gone = Service("airflow-scheduler", 1, "0.0", str(log))
    with pytest.raises(DemoError, match=r"airflow-scheduler ended; the end of .*\n(.*\n)*OSError: disk is full"):
        wait_until_up(Airflow([], is_up=False), [gone], dag_count=1)


def test_a_dag_file_that_cannot_be_parsed_is_told_by_its_last_line() -> None:
    airflow = Airflow([], dags=3, errors=("Traceback …\nModuleNotFoundError: No module named 'x'\n",))
    with pytest.raises(DemoError, match="cannot parse the DAGs: ModuleNotFoundError: No module named 'x'"):
        wait_until_up(airflow, [], dag_count=4)


def test_the_wait_has_an_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(watching, "START_SECONDS", -1.0)
    monkeypatch.setattr(watching, "is_running", lambda _: True)
    alive = Service("airflow-api-server", 1, "x", str(tmp_path / "logs" / "airflow-api-server.log"))
    with pytest.raises(DemoError, match=f"took in 0 of 4 DAGs in time; see the logs in {tmp_path / 'logs'}"):
        wait_until_up(Airflow([]), [alive], dag_count=4)
