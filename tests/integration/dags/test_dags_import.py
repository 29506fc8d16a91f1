"""What Airflow makes of the DAG folder: every contract has its DAG, every asset both ends, and parsing touches no data."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable
from airflow.serialization.serialized_objects import DagSerialization

from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary
from catalog.derive.schedule import ingestion_schedule
from dags.factory import all_dags
from infra.bench.dag_parsing import write_catalogue
from lakehouse.pipeline.inputs import Inputs, load_inputs

pytestmark = pytest.mark.integration
log = logging.getLogger(__name__)
DAG_FOLDER = CATALOG_ROOT.parent / "dags"
TOPICS = ("population", "legal_person", "livelihood", "city_operation", "economy", "catalogue")
INGESTS, OPERATIONS = 30, ("maintenance", "sweep_lost_events")


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(dag_folder=DAG_FOLDER)


@pytest.fixture(scope="module")
def dags(bag: DagBag) -> dict[str, DAG]:
    return dict(bag.dags)


def test_the_folder_has_one_dag_per_contract_topic_and_operation(bag: DagBag) -> None:
    assert bag.import_errors == {}
    ingests = {f"ingest_{key.replace('.', '_')}" for key in load_contracts()}
    assert len(ingests) == INGESTS
    assert set(bag.dags) == ingests | {f"topic_{topic}" for topic in TOPICS} | set(OPERATIONS)


def test_airflow_parses_one_file_only(bag: DagBag) -> None:
    assert [Path(stat.file).name for stat in bag.dagbag_stats] == ["citybrain_dags.py"]


def test_every_dag_survives_serialisation(dags: dict[str, DAG]) -> None:
    for dag_id, dag in dags.items():
        assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).dag_id == dag_id


def test_every_asset_has_a_producer_and_a_consumer(dags: dict[str, DAG]) -> None:
    produced = {asset.uri for dag in dags.values() for task in dag.tasks for asset in task.outlets}
    consumed = {uri for dag in dags.values() for uri in _assets_that_start(dag)}
    assert produced == consumed
    raw = {f"citybrain://raw/{key.replace('.', '/')}" for key in load_contracts()}
    published = {f"citybrain://topic/{topic}" for topic in TOPICS if topic != "catalogue"}
    assert produced == raw | published | {f"citybrain://lost/{topic}" for topic in TOPICS}


def test_a_topic_starts_by_its_own_resources_and_by_the_topics_it_reads(dags: dict[str, DAG]) -> None:
    own = {f"citybrain://raw/{k.replace('.', '/')}" for k, c in load_contracts().items() if c.topic == "population"}
    starts = set(_assets_that_start(dags["topic_population"]))
    assert own <= starts
    assert "citybrain://topic/city_operation" in starts  # addresses
    assert "citybrain://topic/livelihood" not in starts


def test_one_update_is_enough_to_start_a_topic(dags: dict[str, DAG]) -> None:
    for topic in TOPICS:
        schedule = dags[f"topic_{topic}"].schedule
        assert isinstance(schedule, AssetOrTimeSchedule)
        assert schedule.asset_condition.__class__.__name__ == "AssetAny"


def test_an_ingest_runs_as_often_as_its_contract_says(dags: dict[str, DAG]) -> None:
    for key, contract in load_contracts().items():
        schedule = dags[f"ingest_{key.replace('.', '_')}"].schedule
        assert isinstance(schedule, CronTriggerTimetable)
        assert schedule.expression == ingestion_schedule(contract).cron


def test_runs_never_overlap_never_catch_up_and_are_retried(dags: dict[str, DAG]) -> None:
    for dag in dags.values():
        assert (dag.max_active_runs, dag.catchup) == (1, False)
        for task in dag.tasks:
            assert (task.retries, task.retry_exponential_backoff) == (3, 2.0)


def _priority(dag: DAG) -> int:
    (found,) = {task.priority_weight for task in dag.tasks}
    return int(found)


def test_data_come_in_before_their_topic_and_topics_before_the_catalogue(dags: dict[str, DAG]) -> None:
    order = ("ingest_gaj_resident", "topic_population", "topic_catalogue", "maintenance")
    priorities = [_priority(dags[dag_id]) for dag_id in order]
    assert priorities == sorted(set(priorities), reverse=True)


def test_the_more_topics_wait_for_a_topic_the_earlier_it_and_its_data_come(dags: dict[str, DAG]) -> None:
    order = ("ingest_zjj_house", "topic_city_operation", "ingest_gaj_resident", "topic_population", "ingest_jyj_school")
    priorities = [_priority(dags[dag_id]) for dag_id in order]
    assert priorities == sorted(set(priorities), reverse=True)
    for topic in TOPICS[:-1]:
        waits_for = dags[f"topic_{topic}"].get_task("transform").op_kwargs["waits_for"]
        assert all(_priority(dags[f"topic_{other}"]) > _priority(dags[f"topic_{topic}"]) for other in waits_for)


def test_a_task_parses_its_own_dag_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "topic_economy")
    assert [*DagBag(dag_folder=DAG_FOLDER).dags] == ["topic_economy"]


def test_what_was_approved_in_the_catalogue_runs_without_being_started_by_hand(tmp_path: Path) -> None:
    text = (CATALOG_ROOT / "contracts" / "gaj" / "vehicle.odcs.yaml").read_text(encoding="utf-8")
    (tmp_path / "gaj").mkdir()
    (tmp_path / "gaj" / "trailer.odcs.yaml").write_text(text.replace("vehicle", "trailer"), encoding="utf-8")
    made = all_dags(load_inputs(checked=False, approved=tmp_path))
    assert made["ingest_gaj_trailer"].is_paused_upon_creation is False
    assert made["ingest_gaj_vehicle"].is_paused_upon_creation is None
    assert "citybrain://raw/gaj/trailer" in _assets_that_start(made["topic_city_operation"])


def test_an_ingest_dag_explains_itself_in_chinese(dags: dict[str, DAG]) -> None:
    dag = dags["ingest_gaj_resident"]
    assert {"dept:gaj", "topic:population"} <= set(dag.tags)
    assert all(word in dag.doc_md for word in ("户籍人口基本信息", "市公安局", "每日", "gaj/resident.odcs.yaml"))


def test_parsing_imports_no_engine_and_touches_no_lakehouse(tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = (
        "import sys, dags.citybrain_dags as parsed\n"
        "assert sum(name.startswith('ingest_') for name in vars(parsed)) == 30\n"
        "engines = {'duckdb', 'pyiceberg', 'pyarrow', 'great_expectations', 'dbt', 'lakehouse.connect.duck', 'lakehouse.connect.database'}\n"
        "print(', '.join(sorted(engines & set(sys.modules))))"
    )
    environment = {"CITYBRAIN_HOME": str(home), "AIRFLOW_HOME": str(tmp_path / "airflow"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert not home.exists()


def test_the_check_for_engines_notices_one() -> None:
    code = "import sys, duckdb; print(', '.join({'duckdb'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "duckdb"


def test_a_catalogue_of_two_thousand_resources_becomes_as_many_dags(tmp_path: Path) -> None:
    root = tmp_path / "catalogue"
    write_catalogue(root, departments=100, resources=20)
    started = time.perf_counter()
    inputs = Inputs(load_contracts(root), load_vocabulary(root))
    loaded = time.perf_counter()
    dags = all_dags(inputs)
    log.info("loaded in %.2f s, DAGs made in %.2f s", loaded - started, time.perf_counter() - loaded)
    assert sum(dag_id.startswith("ingest_") for dag_id in dags) == 2_000
    assert len(dags) == 2_000 + len(TOPICS) + len(OPERATIONS)


def _assets_that_start(dag: DAG) -> list[str]:
    condition = getattr(dag.schedule, "asset_condition", None)
    return [asset.uri for asset in condition.objects if isinstance(asset, Asset)] if condition else []
