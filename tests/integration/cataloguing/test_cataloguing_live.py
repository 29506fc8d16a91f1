"""A draft from a table of the lakehouse: names and types of its columns, items and grades by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cataloguing_visitors import PEOPLE, Visitor
from signed_in import sign_in

from catalog.web.app import create_app
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

sys.path.append(str(Path(__file__).parents[1] / "web"))
from web_city import city_tables, publish_tables

pytestmark = pytest.mark.integration


def test_a_live_table_becomes_a_draft(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", threads=1)
    publish_tables(settings, "city", {key: sql for key, sql in city_tables().items() if key == "gaj.resident"})
    steward = Visitor(sign_in(create_app(settings), app_database(settings), PEOPLE["steward"]))
    fields = {"start": "table", "table": "gaj.resident", "resource": "resident_copy"}
    begun = steward.post("/cataloguing/new", fields, page="/cataloguing/new")
    assert begun.status_code == 303, begun.text
    document = steward.json(begun.headers["location"].removesuffix("/edit/basics") + ".json")["document"]
    columns = {column["name"]: column for column in document["schema"][0]["properties"]}
    assert columns["resident_id"]["classification"] == "3"
    assert columns["birth_date"]["physicalType"] == "date"
    assert columns["person_name"]["businessName"] == "姓名"
    unknown = steward.post("/cataloguing/new", {**fields, "table": "no.table"}, page="/cataloguing/new")
    assert unknown.status_code == 422
