"""From an approval in the catalogue to rows at the door, with nothing written by hand in between."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from cataloguing_filling import complete, started
from cataloguing_visitors import PEOPLE, Visitor
from fastapi.testclient import TestClient
from signed_in import sign_in
from stdnum.cn import ric

from catalog.access.store import open_store
from catalog.cataloguing.archive import Archive, Publication
from catalog.contract.load import CATALOG_ROOT
from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.database import branch_pointers
from lakehouse.connect.settings import Settings
from lakehouse.pipeline import steps
from lakehouse.pipeline.report import RunReport
from lakehouse.pipeline.run import run_pipeline
from lakehouse.query import open_reader
from lakehouse.sources import SourceSystem

pytestmark = pytest.mark.integration
KEY, DATA, ENTRY = "gaj.residence", "/api/v1/data/gaj/residence", "/api/v1/catalogue/gaj/residence"
HEADER = "公民身份号码,姓名,登记日期"


def resident_id(number: int) -> str:
    """Return the n-th made-up, valid number."""
    body = f"33010619900101{number:03d}"
    return body + ric.calc_check_digit(f"{body}0")


def rows_of(numbers: range, *, damaged: int = 0) -> list[str]:
    """Return rows of a delivery, the first ``damaged`` of them with a check digit that is wrong."""
    ids = [resident_id(number) for number in numbers]
    wrong = [f"{one[:-1]}{'1' if one[-1] != '1' else '2'}" for one in ids[:damaged]]
    return [
        f"{one},王{number},2026-06-{1 + number % 28:02d}"
        for number, one in zip(numbers, wrong + ids[damaged:], strict=True)
    ]


@dataclass
class City:
    """A home, what departments deliver to it, and its doors, which stay open all the time."""

    settings: Settings
    place: Path
    people: dict[str, Visitor]
    door: TestClient
    key: dict[str, str]

    def run(self) -> RunReport:
        return run_pipeline(self.settings, SourceSystem.from_dir(self.place))

    def deliver(self, day: int, rows: list[str]) -> Path:
        """Deliver a file of residence on a day of June 2026; each replaces the one before."""
        path = self.place / "gaj" / "residence" / f"residence_202606{day}_202606{day}101500.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
        return path

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with open_reader(self.settings) as reader:
            found: list[dict[str, Any]] = reader.arrow(sql).to_pylist()
            return found

    def answered(self) -> list[dict[str, Any]]:
        """Return the rows that the data service answers."""
        answer = self.door.get(DATA, headers=self.key)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found


@pytest.fixture(scope="module")
def city(
    tmp_path_factory: pytest.TempPathFactory, sample_city: Path, parsed_home: Callable[[Path], Path]
) -> Iterator[City]:
    """A home that has published what one department delivers."""
    place = tmp_path_factory.mktemp("deliveries")
    shutil.copytree(sample_city / "swj", place / "swj")
    settings = Settings(home=parsed_home(tmp_path_factory.mktemp("home")), threads=2)
    app, address = create_app(settings), app_database(settings)
    people = {name: Visitor(sign_in(app, address, PEOPLE[name])) for name in ("steward", "head", "reviewer")}
    with open_store(address) as store:
        key = store.create_key("gaj", "test", [KEY])
    made = City(settings, place, people, TestClient(app, base_url="http://127.0.0.1"), {"X-API-Key": key})
    assert made.run().published
    yield made
    for client in [made.door, *(person.client for person in people.values())]:
        client.close()


@pytest.fixture(scope="module")
def approved(city: City) -> City:
    """The city whose catalogue got a new entry, by the three people that it takes."""
    steward = city.people["steward"]
    address = started(steward)
    complete(steward, address)
    for who, kind in (("steward", "提交签发"), ("head", "签发"), ("reviewer", "审核发布")):
        assert city.people[who].post(f"{address}/act", {"kind": kind}, page=address).status_code == 303
    return city


@pytest.fixture(scope="module")
def silent(approved: City) -> tuple[City, RunReport]:
    """The next run, in which its department delivers nothing of it yet, and another department something new."""
    folder = approved.place / "swj" / "tax_payment"
    header, first, *_ = sorted(folder.glob("*.csv"))[0].read_bytes().decode("gb18030").splitlines()
    fresh = ",".join(["99" + first.split(",")[0][2:], *first.split(",")[1:]])
    (folder / "tax_payment_20260630_20260630235959.csv").write_bytes(f"{header}\n{fresh}\n".encode("gb18030"))
    return approved, approved.run()


@pytest.fixture(scope="module")
def delivered(silent: tuple[City, RunReport]) -> tuple[City, RunReport]:
    """The run after the first delivery: nine good rows, one bad."""
    city, _ = silent
    city.deliver(28, rows_of(range(10), damaged=1))
    return city, city.run()


def test_a_new_resource_that_nobody_delivers_keeps_no_one_waiting(silent: tuple[City, RunReport]) -> None:
    city, report = silent
    assert (report.published, report.exit_code) == (True, 0)
    (said,) = [batch for batch in report.batches if batch["resource"] == KEY]
    assert (said["status"], said["rule"]) == ("failed", "delivery.missing")
    assert "gaj/residence/*.csv" in said["reason"]
    assert len(city.rows("select * from swj.tax_payment where voucher_no like '99%'")) == 1
    supply = city.rows(
        f"select row_count, failed_count, status from catalogue.supply_status where resource_key = '{KEY}'"
    )
    assert supply == [{"row_count": 0, "failed_count": 1, "status": "未供"}]
    assert city.answered() == []


def test_the_next_run_publishes_it_and_the_doors_answer(delivered: tuple[City, RunReport]) -> None:
    city, report = delivered
    assert (report.published, report.exit_code) == (True, 0)
    found = city.answered()
    assert len(found) == 9
    assert {row["registered_on"] for row in found} == {"2026-**-**"}  # by the mask of its item
    assert {str(row["registered_on"]) for row in city.rows(f"select registered_on from {KEY}")} == {
        f"2026-06-{day:02d}" for day in range(2, 11)
    }
    entry = city.door.get(ENTRY).json()
    assert entry["entry"]["name"] == "居住登记信息"
    assert (entry["is_published"], entry["supply"]["row_count"]) == (True, 9)
    assert [row["accepted"] for row in entry["outcomes"] if row["status"] == "accepted"] == [9]
    assert entry["scores"]["总分"] > 0


def test_what_breaks_its_own_rules_is_in_quarantine(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered
    refused = city.rows("select rule, delivery from ops.quarantine where dept = 'gaj' and resource = 'residence'")
    assert refused == [{"rule": "resident_id.checksum", "delivery": "residence_20260628_20260628101500.csv"}]


def test_the_catalogue_knows_it_as_it_knows_every_other(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered

    def of(table: str, columns: str, key: str = "resource_key") -> list[tuple[Any, ...]]:
        return [
            tuple(row.values())
            for row in city.rows(f"select {columns} from {table} where {key} = '{KEY}' order by all")
        ]

    assert of("catalogue.catalogue_entry", "topic, row_count, version") == [("population", 9, "1.0.0")]
    assert of("catalogue.catalogue_item", "name") == [("person_name",), ("registered_on",), ("resident_id",)]
    assert of("catalogue.supply_status", "row_count, newest_on, status") == [(9, date(2026, 6, 28), "按时")]
    assert ("总分",) in of("catalogue.quality_score", "dimension")
    assert of("catalogue.lineage_edge", "upstream, kind", "downstream") == [("市公安局：csv", "ingest")]
    assert of("ops.quality_result", "count(*) > 5", "table_name") == [(True,)]


def test_an_unchanged_run_commits_nothing(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered
    before = branch_pointers(city.settings)
    assert city.run().tables_changed == 0
    assert branch_pointers(city.settings) == before


def test_a_bad_delivery_of_it_blocks_and_main_stays_as_it_was(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered
    before = branch_pointers(city.settings)
    spoiled = city.deliver(29, rows_of(range(10), damaged=6))
    report = city.run()
    spoiled.unlink()
    assert (report.published, report.exit_code) == (False, 3)
    assert KEY in (report.reason or "")
    assert branch_pointers(city.settings) == before
    assert len(city.answered()) == 9


def test_the_steps_of_the_dags_publish_it_with_its_topic(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered
    city.deliver(30, rows_of(range(12)))
    steps.ingest_step(city.settings, KEY, SourceSystem.from_dir(city.place))
    assert {"population", "catalogue"} <= set(steps.pending_topics(city.settings))
    for topic in ("population", "catalogue"):
        branch = steps.open_topic_branch(city.settings, topic)["branch"]
        assert not steps.transform_step(city.settings, branch, topic)["blocked"]
        assert not steps.check_step(city.settings, branch, topic)["blocked"]
        steps.publish_step(city.settings, branch, topic)
    assert len(city.answered()) == 12
    assert city.door.get(ENTRY).json()["supply"]["row_count"] == 12


REMARK = """\
      - name: remark
        physicalName: 备注
        businessName: 备注
        description: 经办人员的备注。
        logicalType: string
        physicalType: varchar(200)
        classification: '1'
        logicalTypeOptions:
          maxLength: 200
        customProperties:
          - property: govItem
            value: licence_no
          - property: govDataType
            value: C
"""


def test_a_change_of_a_resource_flows_the_same_way(delivered: tuple[City, RunReport]) -> None:
    city, _ = delivered
    approve_change_of_payments(city.settings)
    folder = city.place / "swj" / "tax_payment"
    header, first, *_ = sorted(folder.glob("*.csv"))[0].read_bytes().decode("gb18030").splitlines()
    for number, (name, remark) in enumerate({"备注": "补缴", "": ""}.items()):
        row = ",".join([f"98{number}{first.split(',')[0][3:]}", *first.split(",")[1:]])
        lines = [f"{header},{name}", f"{row},{remark}"] if name else [header, row]
        path = folder / f"tax_payment_20260630_2026063023{40 + 10 * (not name)}59.csv"
        path.write_bytes(("\n".join(lines) + "\n").encode("gb18030"))
    before = city.door.get("/api/v1/catalogue/swj/tax_payment").json()["supply"]["row_count"]
    report = city.run()
    assert report.published, report.reason
    ends = {
        batch["delivery"][-10:]: batch["rule"] for batch in report.batches if batch["resource"] == "swj.tax_payment"
    }
    assert (ends["234059.csv"], ends["235059.csv"]) == (None, "schema.missing_column")
    assert city.rows("select remark from swj.tax_payment where voucher_no like '98%'") == [{"remark": "补缴"}]
    entry = city.door.get("/api/v1/catalogue/swj/tax_payment").json()
    assert (entry["supply"]["row_count"], entry["supply"]["update_cycle"]) == (before + 1, "每周")
    assert "remark" in [item["name"] for item in entry["entry"]["items"]]


def approve_change_of_payments(settings: Settings) -> None:
    """Put into the store what the desk writes: one more column, another cycle."""
    before = (CATALOG_ROOT / "contracts" / "swj" / "tax_payment.odcs.yaml").read_text(encoding="utf-8")
    after = before.replace("slaProperties:", f"{REMARK}slaProperties:").replace("value: 每日", "value: 每周")
    after = after.replace("value: 1\n    unit: d", "value: 7\n    unit: d").replace("version: 1.0.0", "version: 2.0.0")
    change = Publication("ML2026-900001", "swj.tax_payment", before, after, "王编目", "swj", datetime.now(UTC))
    assert Archive(settings.contracts).publish([change]) == ["ML2026-900001"]
