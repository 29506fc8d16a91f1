"""The pages: every state renders, people and programs get the same facts, hostile text stays text."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient
from web_city import CONTRACTS, HOSTILE

from catalog.contract.load import load_vocabulary
from catalog.derive.catalogue import catalogue_entry

pytestmark = pytest.mark.integration
ENTRIES = [f"/catalogue/{key.replace('.', '/')}" for key in sorted(CONTRACTS)]
PAGES = ["/", "/catalogue", "/quality", "/governance", "/api/docs", *ENTRIES]
JSON_PAGES = ["/", "/catalogue", "/quality", "/governance", "/catalogue/gaj/resident"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
OTHER_HOST = re.compile(r"""(?:src|href|action|content)=["'](?:https?:)?//""")


class Outline(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def ids(self) -> list[str]:
        return [str(attrs["id"]) for _, attrs in self.tags if "id" in attrs]


def get(client: TestClient, url: str) -> str:
    answer = client.get(url, headers=BROWSER)
    assert answer.status_code == 200, answer.text[:400]
    assert answer.headers["content-type"].startswith("text/html")
    return answer.text


@pytest.mark.parametrize("url", PAGES)
def test_every_page_renders_with_data(client: TestClient, url: str) -> None:
    text = get(client, url)
    assert not OTHER_HOST.search(text)
    ids = Outline(text).ids()
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("url", ["/", "/catalogue", "/quality", "/governance", "/api/docs", ENTRIES[0], ENTRIES[-1]])
def test_every_page_renders_before_anything_is_published(empty_client: TestClient, url: str) -> None:
    text = get(empty_client, url)
    if url != "/api/docs":
        assert "尚未发布" in text


def test_links_within_the_site_lead_somewhere(client: TestClient) -> None:
    links = {
        str(attrs["href"]).split("#")[0]
        for url in ("/", "/catalogue", "/quality", "/governance", "/catalogue/gaj/resident")
        for tag, attrs in Outline(get(client, url)).tags
        if tag in ("a", "link") and attrs.get("href", "")
    }
    assert len(links) > 40
    broken = [link for link in sorted(links) if link and client.get(link).status_code >= 400]
    assert broken == []


def test_links_to_parts_of_a_page_find_them(client: TestClient) -> None:
    for url in (*PAGES[:5], "/catalogue/gaj/resident"):
        outline = Outline(get(client, url))
        parts = {str(a["href"])[1:] for tag, a in outline.tags if tag == "a" and str(a.get("href", "")).startswith("#")}
        assert parts <= set(outline.ids()), url


@pytest.mark.parametrize("url", JSON_PAGES)
def test_programs_get_the_same_facts_as_json(client: TestClient, url: str) -> None:
    asked = client.get(url, headers={"Accept": "application/json"})
    named = client.get(f"{'/index' if url == '/' else url}.json")
    assert asked.status_code == named.status_code == 200
    assert asked.json() == named.json()
    assert "Accept" in asked.headers["vary"]


def test_the_entry_shows_all_fields_of_the_printed_form(client: TestClient) -> None:
    text = get(client, "/catalogue/gaj/resident")
    for label, value in catalogue_entry(CONTRACTS["gaj.resident"], load_vocabulary()).labelled():
        assert label in text
        assert html.escape(str(value)) in text
    for prop in CONTRACTS["gaj.resident"].properties:
        assert prop.business_name in text


def test_counts_of_a_batch_add_up_on_the_page(client: TestClient) -> None:
    facts = client.get("/catalogue/gaj/resident.json").json()
    totals = facts["outcome_totals"]
    assert totals["received"] == totals["accepted"] + totals["quarantined"] + totals["deduplicated"] == 45
    assert "不平" not in get(client, "/catalogue/gaj/resident")


def test_samples_are_masked_and_raw_rows_in_quarantine_are_never_shown(client: TestClient) -> None:
    for url in (*PAGES, "/catalogue/gaj/resident.json", "/quality.json", "/governance.json"):
        text = client.get(url).text
        assert "王小明" not in text
        assert "王大明" not in text
        assert "13900001111" not in text
        assert "raw-value-of-a-person" not in text
        assert not re.search(r"330106\d{12}", text)
    assert "139****1111" in get(client, "/catalogue/gaj/resident")


def test_what_is_not_shared_shows_no_sample_and_its_basis(client: TestClient) -> None:
    text = get(client, "/catalogue/yjj/hazard_source")
    basis = CONTRACTS["yjj.hazard_source"].gov.no_share_basis
    assert basis is not None
    assert "不显示样例" in text
    assert basis.article in text
    assert client.get("/catalogue/yjj/hazard_source.json").json()["sample"] == []


def test_hostile_text_from_data_stays_text(client: TestClient) -> None:
    for url in ("/catalogue/dsjj/division", "/"):
        text = get(client, url)
        assert "<script>alert" not in text
        assert "<b>多出的列" not in text
    assert html.escape(HOSTILE, quote=False).replace("'", "&#39;").replace('"', "&#34;") in get(
        client, "/catalogue/dsjj/division"
    )


@pytest.mark.parametrize(
    "query", ["q=%3Cscript%3Ealert(1)%3C/script%3E", "dept=%22%3E%3Cscript%3Ealert(1)", "sort=%22onload=1"]
)
def test_hostile_text_from_the_address_stays_text(client: TestClient, query: str) -> None:
    text = get(client, f"/catalogue?{query}")
    assert "<script>alert" not in text
    assert "onload=1" not in text
    assert "<script>" not in get(client, "/governance?rule=%3Cscript%3E&page=zz")


def test_the_list_filters_by_plain_links_and_htmx_gets_only_the_results(client: TestClient) -> None:
    whole = get(client, "/catalogue?share=3")
    assert "重大危险源" in whole
    assert "户籍人口基本信息" not in whole
    partial = client.get("/catalogue?share=3", headers={"HX-Request": "true"})
    assert "重大危险源" in partial.text
    assert "<html" not in partial.text
    again = client.get("/catalogue?share=3", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    assert "<html" in again.text
    assert "HX-Request" in partial.headers["vary"]


def test_conflicts_are_listed_page_by_page(client: TestClient) -> None:
    first = client.get("/governance.json?rule=person_name_differs").json()["conflict_rows"]
    second = client.get("/governance.json?rule=person_name_differs&page=2").json()["conflict_rows"]
    assert (first["total"], first["pages"], len(first["rows"]), len(second["rows"])) == (25, 2, 20, 5)
    assert client.get("/governance.json?rule=no_such_rule").json()["conflict_rows"]["rows"] == []


def test_readiness_tells_whether_anything_is_published(client: TestClient, empty_client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json()["status"] == "ready"
    answer = empty_client.get("/readyz")
    assert (answer.status_code, answer.json()["snapshot"]) == (503, None)
    assert empty_client.get("/healthz").status_code == 200


def test_the_really_published_city_renders_and_balances(published_home: object) -> None:
    from catalog.web.app import create_app
    from lakehouse.connect.settings import Settings

    with TestClient(create_app(Settings(home=published_home))) as client:  # type: ignore[arg-type]
        for url in PAGES:
            get(client, url)
        home = client.get("/index.json").json()
        totals = home["totals"]
        assert totals["received"] == totals["accepted"] + totals["quarantined"] + totals["deduplicated"] > 0
        assert home["rows"] > 0
        assert home["conflicts"]
        assert home["missing"]
