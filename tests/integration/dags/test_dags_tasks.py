"""How the tasks end: skipped when there is nothing to do, failed for good when a retry cannot help, else retried."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from dags import tasks
from lakehouse import branches
from lakehouse.pipeline import steps
from lakehouse.pipeline.errors import PipelineError, WrongInput

pytestmark = pytest.mark.integration
RAW = "citybrain://raw/gaj/resident"
CLEAR = {"blocked": False, "reason": None}
DEFAULTS: dict[str, Any] = {
    "pending_topics": [],
    "open_topic_branch": {"branch": "b", "pending": []},
    "transform_step": CLEAR,
}
BLOCKED = {"blocked": True, "reason": "gaj.resident：隔离率 0.41 超过 0.30"}


class RunningTask:
    """The task instance of the context; knows which DAGs have active runs."""

    def __init__(self, active: set[str]) -> None:
        self._active = active

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        assert states == ["queued", "running"]
        return int(dag_id in self._active)


Arrange = Callable[..., None]


@pytest.fixture
def arrange(monkeypatch: pytest.MonkeyPatch, home: Path) -> Arrange:
    """Set what the pipeline steps return or raise, and which DAGs are active."""

    def set_up(active: Collection[str] = (), started_by: Sequence[str] = (), **results: Any) -> None:
        context = {
            "ti": RunningTask(set(active)),
            "triggering_asset_events": {Asset(uri=uri, name=uri): ["event"] for uri in started_by},
        }
        monkeypatch.setattr(tasks, "get_current_context", lambda: context)
        monkeypatch.setattr(tasks, "COMING_SECONDS", 0.0)
        monkeypatch.setattr(tasks, "BEING_BUILT_SECONDS", 0.0)
        for name, result in (DEFAULTS | results).items():
            monkeypatch.setattr(steps, name, _step(result))

    return set_up


@pytest.fixture
def dropped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the branches that are dropped."""
    names: list[str] = []
    monkeypatch.setattr(branches, "drop_branch", lambda _settings, name: names.append(name))
    return names


def _step(result: Any) -> Callable[..., Any]:
    def call(*_: Any) -> Any:
        if isinstance(result, Exception):
            raise result
        return result

    return call


def test_a_topic_without_news_is_skipped(arrange: Arrange) -> None:
    arrange(open_topic_branch={"branch": None, "pending": []}, pending_topics=[])
    with pytest.raises(AirflowSkipException, match="nothing to do"):
        tasks.transform("population", [])


def test_a_topic_with_news_opens_its_branch(arrange: Arrange) -> None:
    arrange(open_topic_branch={"branch": "topic_population_1", "pending": ["gaj.resident"]}, pending_topics=[])
    assert tasks.transform("population", ["city_operation"]) == "topic_population_1"


def test_a_topic_waits_for_a_running_topic_that_is_about_to_be_published(arrange: Arrange) -> None:
    arrange(active={"topic_city_operation"}, pending_topics=["population", "city_operation"])
    with pytest.raises(AirflowSkipException, match=r"waits for .*city_operation"):
        tasks.transform("population", ["city_operation"])


@pytest.mark.parametrize(
    ("active", "pending"),
    [({"topic_city_operation"}, ["population"]), (set(), ["population", "city_operation"])],
    ids=["running but with nothing to publish", "pending but not running, so perhaps blocked"],
)
def test_a_topic_does_not_wait_for_what_may_never_be_published(
    arrange: Arrange, active: set[str], pending: list[str]
) -> None:
    arrange(active=active, pending_topics=pending, open_topic_branch={"branch": "b", "pending": []})
    assert tasks.transform("population", ["city_operation"]) == "b"


def test_a_topic_waits_for_its_data_that_are_coming_in(arrange: Arrange) -> None:
    arrange(active={"ingest_gaj_resident"}, started_by=[RAW], pending_topics=[])
    with pytest.raises(AirflowSkipException, match="data that come in"):
        tasks.transform("population", [])


def test_a_topic_waits_for_the_data_of_a_topic_that_comes_before(arrange: Arrange) -> None:
    arrange(active={"ingest_zjj_house"}, started_by=[RAW], pending_topics=["city_operation", "population"])
    with pytest.raises(AirflowSkipException, match=r"waits for .*city_operation"):
        tasks.transform("population", ["city_operation"])


def test_data_that_are_in_within_seconds_are_waited_for_in_the_same_run(
    arrange: Arrange, monkeypatch: pytest.MonkeyPatch
) -> None:
    active = {"ingest_gaj_resident"}
    arrange(started_by=[RAW], pending_topics=[], open_topic_branch={"branch": "b", "pending": []})
    tasks.get_current_context()["ti"]._active = active
    monkeypatch.setattr(tasks, "COMING_SECONDS", 60.0)
    monkeypatch.setattr(tasks.time, "sleep", lambda _: active.clear())
    assert tasks.transform("population", []) == "b"


def test_one_topic_that_is_being_built_is_waited_for_in_the_same_run(
    arrange: Arrange, monkeypatch: pytest.MonkeyPatch
) -> None:
    active, left = {"topic_city_operation"}, ["city_operation"]
    arrange(pending_topics=left, open_topic_branch={"branch": "b", "pending": []})
    tasks.get_current_context()["ti"]._active = active
    monkeypatch.setattr(tasks, "BEING_BUILT_SECONDS", 60.0)
    monkeypatch.setattr(tasks.time, "sleep", lambda _: left.clear())
    assert tasks.transform("population", ["city_operation"]) == "b"


def test_more_topics_than_one_are_not_waited_for_in_a_run_that_keeps_others_from_theirs(
    arrange: Arrange, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ["city_operation", "population"]
    arrange(active={f"topic_{name}" for name in before}, pending_topics=before)
    monkeypatch.setattr(tasks, "BEING_BUILT_SECONDS", 60.0)
    with pytest.raises(AirflowSkipException, match=r"waits for .*city_operation, population"):
        tasks.transform("livelihood", before)


@pytest.mark.parametrize(
    ("active", "started_by"),
    [
        ({"ingest_zjj_house"}, [RAW]),
        ({"ingest_gaj_resident"}, ["citybrain://lost/population", RAW]),
        ({"ingest_gaj_resident"}, []),
    ],
    ids=["data of a topic that has nothing to publish", "the sweep started it", "the clock or a person started it"],
)
def test_data_that_come_in_hold_up_no_topic_for_long(arrange: Arrange, active: set[str], started_by: list[str]) -> None:
    arrange(active, started_by, pending_topics=["population"], open_topic_branch={"branch": "b", "pending": []})
    assert tasks.transform("population", ["city_operation"]) == "b"


@pytest.mark.parametrize(
    ("task", "step"),
    [
        (partial(tasks.transform, "population", []), "transform_step"),
        (partial(tasks.check, "b", "population"), "check_step"),
    ],
    ids=["transform", "check"],
)
def test_a_blocked_branch_fails_the_run_for_good_stays_and_says_why(
    arrange: Arrange, dropped: list[str], task: Callable[[], Any], step: str
) -> None:
    arrange(**{step: BLOCKED})
    with pytest.raises(AirflowFailException, match=r"branch b stays.*隔离率 0\.41"):
        task()
    assert dropped == []
    arrange(**{step: CLEAR})
    assert task() in ("b", CLEAR)


def test_wrong_input_fails_at_once_with_what_to_do(arrange: Arrange, dropped: list[str]) -> None:
    arrange(transform_step=WrongInput("3 faults in the contracts", hint="citybrain contract lint"))
    with pytest.raises(AirflowFailException, match="3 faults in the contracts → citybrain contract lint"):
        tasks.transform("population", [])
    assert dropped == ["b"]


def test_a_branch_is_dropped_on_which_a_step_failed_and_the_failure_is_told_even_when_that_fails(
    arrange: Arrange, dropped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange(transform_step=PipelineError("MinIO is away"))
    with pytest.raises(PipelineError, match="MinIO is away"):
        tasks.transform("population", [])
    assert dropped == ["b"]
    monkeypatch.setattr(branches, "drop_branch", _step(PipelineError("so is the catalog")))
    with pytest.raises(PipelineError, match="MinIO is away"):
        tasks.transform("population", [])


def test_an_unreachable_source_is_left_to_the_retries(
    arrange: Arrange, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    niceness: list[int] = []
    monkeypatch.setattr(tasks.os, "nice", niceness.append)  # of this process, which has other tests to run
    (home / "sample-city").mkdir(parents=True)
    arrange(ingest_step=PipelineError("wjw.birth: 数源不可达"))
    with pytest.raises(PipelineError, match="不可达"):
        tasks.ingest("wjw.birth")


def test_without_a_source_folder_ingest_fails_for_good_and_names_the_setting(arrange: Arrange) -> None:
    arrange(ingest_step={"batches": []})
    with pytest.raises(AirflowFailException, match="set CITYBRAIN_SOURCE"):
        tasks.ingest("gaj.resident")


def test_ingest_reads_where_the_setting_points(
    arrange: Arrange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITYBRAIN_SOURCE", str(tmp_path))
    monkeypatch.setenv("CITYBRAIN_API_URL", "http://127.0.0.1:1")
    arrange()
    seen: list[Any] = []

    def ingest_step(_settings: Any, key: str, source: Any) -> dict[str, Any]:
        seen.append((key, source.root, source.api_url))
        batch = {"delivery": "d", "status": "failed", "received": 2, "accepted": 0, "quarantined": 0}
        return {"batches": [batch, {**batch, "status": "accepted", "accepted": 2}]}

    monkeypatch.setattr(steps, "ingest_step", ingest_step)
    assert tasks.ingest("gaj.resident") == {"resource": "gaj.resident", "batches": 2, "accepted": 2}
    assert seen == [("gaj.resident", tmp_path, "http://127.0.0.1:1")]


def test_the_sweep_wakes_pending_topics_that_have_no_active_run(arrange: Arrange) -> None:
    arrange(active={"topic_economy"}, pending_topics=["population", "economy"])
    assert tasks.find_lost_topics() == ["wake_population"]


def test_maintenance_fails_when_the_lakehouse_is_not_whole(arrange: Arrange) -> None:
    arrange(maintenance_step={"compacted": [], "faults": ["gaj.resident: missing data file"]})
    with pytest.raises(AirflowFailException, match="missing data file"):
        tasks.maintain()
    arrange(maintenance_step={"compacted": ["gaj.resident"], "faults": []})
    assert tasks.maintain()["compacted"] == ["gaj.resident"]


def test_the_upkeep_does_what_the_sharing_desk_has_due(monkeypatch: pytest.MonkeyPatch) -> None:
    done = {"expired": ["SQ2026-000001"], "rechecked": [], "reminded": [1, 2], "not_computed": {}}
    monkeypatch.setattr("catalog.api.desk_run.run_tick", lambda _settings: done)
    assert tasks.tick_sharing() == {"expired": 1, "rechecked": 0, "reminded": 2, "not_computed": 0}
