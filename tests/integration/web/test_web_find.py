"""Finding over HTTP: reasons with marks, suggestions, divisions, and hostile words; what the entry page remembers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient
from web_city import HOSTILE

from catalog.api.contract_history import ContractHistory
from catalog.api.quality_trend import QualityTrend
from catalog.web.warming import kept_warm
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings

pytestmark = pytest.mark.integration
BROWSER = {"Accept": "text/html"}


def data(client: TestClient, url: str, **params: str) -> Any:
    answer = client.get(url, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_a_result_shows_where_it_matched(client: TestClient) -> None:
    page = client.get("/catalogue", params={"q": "hjrk"}, headers=BROWSER).text
    assert "<mark>户籍人口</mark>" in page
    assert "首字母" in page
    assert "<mark>户籍</mark>" in client.get("/catalogue", params={"q": "户口"}, headers=BROWSER).text
    why = next(line for line in data(client, "/api/v1/catalogue", q="hjrk") if line["key"] == "gaj.resident")["why"]
    assert why[0] == {"field": "名称", "text": "户籍人口基本信息", "spans": [[0, 4]], "word": "hjrk", "way": "首字母"}


def test_the_page_and_the_interface_find_the_same(client: TestClient) -> None:
    page = client.get("/catalogue.json", params={"q": "社保"}).json()
    assert page["data"] == data(client, "/api/v1/catalogue", q="社保")
    assert page["data"]


def test_facets_narrow_by_category_quality_and_department(client: TestClient) -> None:
    facets = client.get("/catalogue.json").json()["facets"]
    for name in ("group", "dept", "share", "grade", "cycle", "maturity", "quality"):
        choice = facets[name][0]
        total = client.get("/catalogue.json", params={name: choice["value"]}).json()["page"]["total"]
        assert total == choice["count"] > 0
    assert {choice["depth"] for choice in facets["group"]} == {0, 1}


def test_the_box_offers_entries_then_divisions(client: TestClient) -> None:
    offered = data(client, "/api/v1/suggest", q="hujirenkou")
    assert offered[0]["kind"] == "entry"
    assert offered[0]["address"] == "/catalogue/gaj/resident"
    assert ["户籍人口", True] in offered[0]["label"]
    former = data(client, "/api/v1/suggest", q="萧山市")
    assert [(line["kind"], line["query"]) for line in former] == [("division", "萧山市")]
    assert "萧山区" in former[0]["note"]
    assert data(client, "/api/v1/suggest", q=" ") == []


def test_published_divisions_and_old_names_are_found(client: TestClient, empty_client: TestClient) -> None:
    found = data(client, "/api/v1/divisions", q="区划17")
    assert found[0]["name"] == "区划17"
    assert found[0]["matched"] == [{"word": "区划17", "way": "名称", "spans": [[0, 4]]}]
    assert len(data(client, "/api/v1/divisions", q="区划", limit="3")) == 3
    for each in (client, empty_client):
        became = data(each, "/api/v1/divisions", q="余杭县")[0]["became"]
        assert [(line["was"]["code"], line["change"]) for line in became] == [("330125", "撤县设市")]
        assert became[0]["name"] in ("余杭区", "临平区")


def test_an_old_name_says_on_the_page_what_it_is_now(client: TestClient) -> None:
    assert "今浙江省杭州市萧山区" in client.get("/catalogue", params={"q": "萧山市"}, headers=BROWSER).text


@pytest.mark.parametrize(
    "words",
    [HOSTILE, "a" * 3000, "村" * 300, "\x00\x1b[31m", "%' or 1=1 --", "(.*)+$", "😀" * 50, "\u202e", " "],
    ids=range(9),
)
@pytest.mark.parametrize("url", ["/catalogue", "/api/v1/catalogue", "/api/v1/suggest", "/api/v1/divisions"])
def test_hostile_words_are_answered_and_stay_text(client: TestClient, url: str, words: str) -> None:
    answer = client.get(url, params={"q": words}, headers=BROWSER if url == "/catalogue" else {})
    assert answer.status_code == 200
    assert url != "/catalogue" or HOSTILE not in answer.text


def test_a_bad_byte_in_an_address_is_no_fault(client: TestClient) -> None:
    assert client.get("/api/v1/divisions?q=%ff%fe%ed%a0%80").status_code == 200


def test_scores_of_a_publish_are_kept_once(settings: Settings, tmp_path: Any) -> None:
    trend = QualityTrend(f"sqlite:///{tmp_path / 'app.sqlite'}")
    trend.keep("s2", "2026-02-01T00:00:00+00:00", {"gaj.resident": {"总分": 99.0}})
    trend.keep("s1", "2026-01-01T00:00:00+00:00", {"gaj.resident": {"总分": 90.0}, "jyj.school": {"总分": 1.0}})
    trend.keep("s1", "2026-01-01T00:00:00+00:00", {"gaj.resident": {"总分": 0.0}})
    assert trend.seen() == {"s1", "s2"}
    assert [(row["snapshot"], row["scores"]["总分"]) for row in trend.of("gaj.resident")] == [
        ("s1", 90.0),
        ("s2", 99.0),
    ]
    assert trend.of("no.such") == []
    trend.close()


def test_a_changed_contract_shows_what_changed(tmp_path: Any) -> None:
    from catalog.contract.load import contract_paths

    path = next(path for path in contract_paths() if path.name == "resident.odcs.yaml")
    text = path.read_text(encoding="utf-8")
    history = ContractHistory(f"sqlite:///{tmp_path / 'app.sqlite'}")
    assert history.of("gaj.resident") == []
    assert history.keep([("gaj.resident", text)], "2026-01-01T00:00:00+00:00") == 1
    assert history.keep([("gaj.resident", text)], "2026-01-02T00:00:00+00:00") == 0
    changed = text.replace("name: 户籍人口基本信息", "name: 户籍人口登记信息", 1)
    assert history.keep([("gaj.resident", changed)], "2026-01-03T00:00:00+00:00") == 1
    history.keep([("gaj.resident", "not: [a contract")], "2026-01-04T00:00:00+00:00")
    broken, newest, first = history.of("gaj.resident")
    assert (broken["version"], broken["diff"]) == (None, None)
    assert [(c["field"], c["new"], c["impact"]) for c in newest["diff"]["changes"]] == [
        ("name", "户籍人口登记信息", "documentation")
    ]
    assert first["diff"] is None
    history.close()


def test_the_entry_page_says_who_used_it(client: TestClient, key_of: Any) -> None:
    def asked() -> dict[str, tuple[int, int]]:
        use = client.get("/catalogue/gaj/resident.json").json()["use"]
        return {row["dept"]: (row["requests"], row["refused"]) for row in use["departments"]}

    before, key = asked(), key_of("jyj", "gaj.resident")
    client.get("/api/v1/data/gaj/resident", params={"limit": "2"}, headers=key)
    client.get("/api/v1/data/gaj/resident", headers=key_of("swj"))
    after, use = asked(), client.get("/catalogue/gaj/resident.json").json()["use"]
    for dept, more in (("jyj", (1, 0)), ("swj", (1, 1))):
        assert after[dept] == tuple(a + b for a, b in zip(before.get(dept, (0, 0)), more, strict=True))
    assert {row["dept"] for row in use["keys"]} >= {"jyj"}
    assert "市教育局" in client.get("/catalogue/gaj/resident", headers=BROWSER).text
    same = client.get("/api/v1/catalogue/gaj/resident").json()
    assert same["use"]["departments"] == use["departments"]


def test_warming_stops_with_its_block_and_keeps_what_was_published(client: TestClient, settings: Settings) -> None:
    import threading

    class Counting:
        asked = 0

        def warm(self) -> bool:
            self.asked += 1
            done.set()
            return False

    done, reads = threading.Event(), Counting()
    with kept_warm(reads, None, seconds=0.001):  # type: ignore[arg-type]
        assert done.wait(10)
    asked = reads.asked
    assert "warming" not in {thread.name for thread in threading.enumerate()} or asked == reads.asked
    trend = QualityTrend(app_database(settings))
    assert len(trend.seen()) <= 1
    trend.close()
