"""The pages of 履职: who sees what, the same figures for people and programs, evidence that leads somewhere, Excel."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from compliance_city import HOSTILE
from english_frame import Frame, chinese_left
from fastapi.testclient import TestClient
from httpx import Response
from python_calamine import CalamineWorkbook
from work_done import watch_threads

from catalog.api.clock import today
from catalog.compliance.duties import DUTIES
from catalog.compliance.model import Status
from catalog.contract.load import load_vocabulary

pytestmark = pytest.mark.integration
SeenBy = Callable[[str], Callable[[str], Response]]
DEPARTMENTS = load_vocabulary().departments
END = "2026-10-31"
PAGES = ["/compliance", f"/compliance?on={END}", f"/compliance/gaj?on={END}", "/compliance/report/2026-10"]


@pytest.mark.parametrize("url", PAGES)
def test_a_stranger_is_asked_to_sign_in(duty_clients: dict[str, TestClient], seen_by: SeenBy, url: str) -> None:
    answer = seen_by("")(url)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=/compliance")
    assert duty_clients[""].get(url, headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize("url", PAGES)
def test_a_post_without_the_right_is_refused_with_the_reason(seen_by: SeenBy, url: str) -> None:
    answer = seen_by("applicant")(url)
    assert answer.status_code == 403
    assert "查看履职情况" in answer.text


def test_the_bureau_sees_every_department_and_a_department_its_own(seen_by: SeenBy) -> None:
    whole = seen_by("reviewer")(f"/compliance.json?on={END}").json()
    assert [one["dept"] for one in whole["departments"]] == list(DEPARTMENTS)
    own = seen_by("head")(f"/compliance.json?on={END}").json()
    assert [one["dept"] for one in own["departments"]] == ["gaj"]
    assert own["departments"][0] == next(one for one in whole["departments"] if one["dept"] == "gaj")
    report = seen_by("head")("/compliance/report/2026-10.json").json()
    assert list(report["duties"]) == ["gaj"]


@pytest.mark.parametrize(
    "url",
    ["/compliance/wjw", "/compliance/wjw.json", "/compliance?dept=wjw", "/compliance/report/2026-10.xlsx?dept=wjw"],
)
def test_another_department_is_refused_with_the_reason(seen_by: SeenBy, url: str) -> None:
    answer = seen_by("head")(url)
    assert answer.status_code == 403
    assert "本部门" in answer.text or "该部门" in answer.text


def test_the_matrix_says_what_was_worked_out_by_hand(seen_by: SeenBy) -> None:
    """Asked on 25 September 2026 (Friday): off 1-7 October, so day 10 is 15 October; 10 October is a made-up Saturday."""
    facts = seen_by("reviewer")(f"/compliance/gaj.json?on={END}").json()
    duties = {one["code"]: one for one in facts["duties"]}
    answers = {row["subject"]: row for row in duties["21.conditional"]["evidence"]}
    assert [(row["status"], row["due_on"]) for row in answers.values()] == [
        ("breached", "2026-10-22"),
        ("late", "2026-10-15"),
        ("met", "2026-10-26"),
    ]
    assert duties["26.verify"]["tally"] == {"breached": 1, "met": 1}
    assert duties["13.assessed"]["status"] == "breached"
    assert duties["22.provide"]["status"] == "met"
    assert duties["16.unread"]["status"] == "unknown"
    assert duties["39.liability"]["status"] == "breached"
    met, late, breached = (facts["counts"][name] for name in ("met", "late", "breached"))
    assert facts["score"] == round(100 * (met + 0.5 * late) / (met + late + breached), 2)
    assert facts["computation"] == f"({met} + 0.5 × {late}) ÷ {met + late + breached} × 100"


def test_an_earlier_day_knows_nothing_of_what_came_later(seen_by: SeenBy) -> None:
    def statuses(day: str) -> dict[str, Any]:
        duties = seen_by("reviewer")(f"/compliance/gaj.json?on={day}").json()["duties"]
        return {one["code"]: one for one in duties}

    before = statuses("2026-08-31")  # the day before the publish of 1 September
    assert before["13.fields"]["status"] == "unknown"
    assert "没有已发布" in before["13.fields"]["note"]
    assert statuses("2026-09-01")["13.fields"]["status"] == "met"
    assert statuses("2026-10-15")["21.conditional"]["status"] == "met"
    assert statuses("2026-10-16")["21.conditional"]["tally"] == {"breached": 1, "met": 2}
    assert statuses("2026-10-26")["21.conditional"]["tally"] == {"breached": 1, "late": 1, "met": 1}


def test_every_cell_leads_to_its_evidence_and_evidence_to_its_page(seen_by: SeenBy) -> None:
    get = seen_by("reviewer")
    matrix = get(f"/compliance?on={END}").text
    cells = re.findall(r'href="(/compliance/\w+\?on=[\d-]+)#([\w.]+)"', matrix)
    assert len(cells) > 100
    anchors = {dept: set(re.findall(r' id="([\w.]+)"', get(dept).text)) for dept in {dept for dept, _ in cells}}
    assert all(code in anchors[dept] for dept, code in cells)
    page = get(f"/compliance/gaj?on={END}").text
    assert 'href="/desk/applications/SQ2026-000001"' in page
    assert 'href="/catalogue/gaj/resident"' in page
    assert 'href="#21.conditional"' in page


def test_filters_narrow_the_matrix(seen_by: SeenBy) -> None:
    get = seen_by("reviewer")
    breached = get(f"/compliance?on={END}&status=breached").text
    assert "有条件共享按时答复" in breached
    assert "第二十三条规定的共享义务" not in breached
    one = get(f"/compliance?on={END}&dept=gaj").text
    assert one.count('<th scope="col" class="dept">') == 1
    nothing = get(f"/compliance?on={END}&dept=xzsp&status=late").text
    assert "没有这种结果的义务" in nothing


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("/compliance?on=2026-02-30", 400),
        ("/compliance?on=<script>", 400),
        ("/compliance?on=2025-07-31", 400),
        (f"/compliance?on={today() + timedelta(days=1)}", 400),
        ("/compliance/nobody", 404),
        ("/compliance/report/2025-07", 404),
        ("/compliance/report/2026-13", 404),
        ("/compliance/report/2999-01", 404),
        ("/compliance/report/x.xlsx", 404),
    ],
)
def test_bad_input_is_told_and_never_a_traceback(seen_by: SeenBy, url: str, status: int) -> None:
    answer = seen_by("reviewer")(url)
    assert answer.status_code == status
    assert "<script>" not in answer.text.replace("<script src=", "")
    assert "Traceback" not in answer.text


def test_hostile_text_stays_text_on_the_pages(seen_by: SeenBy) -> None:
    for url in (f"/compliance/gaj?on={END}", "/compliance/report/2026-10"):
        text = seen_by("reviewer")(url).text
        assert "<script>alert" not in text
        assert html.escape("<script>alert(1)</script>", quote=False) in text


def test_the_report_shows_scores_their_computation_and_the_trend(seen_by: SeenBy) -> None:
    text = seen_by("reviewer")("/compliance/report/2026-10").text
    facts = seen_by("reviewer")("/compliance/report/2026-10.json").json()
    assert facts["is_closed"] is True
    assert list(facts["trend"])[-1] == "2026-10"
    assert facts["trend"]["2026-10"][""] == facts["whole"]["score"]
    assert facts["trend"]["2026-08"][""] is None or facts["trend"]["2026-08"][""] >= 0
    for card in facts["departments"]:
        assert card["computation"] in text
    assert 'data-source="/compliance/report/2026-10.json"' in text


def test_the_workbook_says_what_the_report_says_and_no_text_is_a_formula(seen_by: SeenBy) -> None:
    answer = seen_by("reviewer")("/compliance/report/2026-10.xlsx")
    assert answer.headers["content-disposition"] == 'attachment; filename="compliance-city-2026-10.xlsx"'
    facts = seen_by("reviewer")("/compliance/report/2026-10.json").json()
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["总览", "趋势", "各项义务", "证据"]
    overview = book.get_sheet_by_name("总览").to_python()
    assert len(overview) == 2 + len(DEPARTMENTS)
    scores = {row[0]: row[1] for row in overview[2:]}
    for card in facts["departments"]:
        assert scores[DEPARTMENTS[card["dept"]].name] == card["score"]
    assert len(book.get_sheet_by_name("各项义务").to_python()) == 1 + len(DUTIES) * len(DEPARTMENTS)
    texts = [cell for row in book.get_sheet_by_name("证据").to_python() for cell in row]
    assert any(isinstance(cell, str) and cell.startswith(HOSTILE) for cell in texts)
    sheets = _parts(answer.content)
    assert sheets
    assert all("<f>" not in sheet for sheet in sheets)


def test_the_workbook_of_one_department_has_only_that_department(seen_by: SeenBy) -> None:
    answer = seen_by("head")("/compliance/report/2026-10.xlsx")
    assert "compliance-gaj-2026-10.xlsx" in answer.headers["content-disposition"]
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.content)).get_sheet_by_name("各项义务").to_python()[1:]
    assert {row[0] for row in rows} == {DEPARTMENTS["gaj"].name}


def test_every_status_has_its_light_and_its_word(seen_by: SeenBy) -> None:
    text = seen_by("reviewer")(f"/compliance?on={END}").text
    for status in Status:
        assert f'class="light {status.value}"' in text


def test_a_page_takes_less_than_300_ms_when_it_was_seen_before(seen_by: SeenBy) -> None:
    get = seen_by("reviewer")
    with watch_threads() as work:
        for url in PAGES:
            get(url)
            with work.counted():
                get(url)
            assert 0 < work.seconds < 0.3, url


def _parts(content: bytes) -> list[str]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/")]


DESK = ["/desk", "/desk/list/all", "/desk/applications/SQ2026-000001", "/desk/reports/JH2026-000001"]


@pytest.mark.parametrize("url", [*PAGES, *DESK])
def test_in_english_the_frame_is_english(duty_clients: dict[str, TestClient], url: str) -> None:
    client = duty_clients["reviewer"]
    client.cookies.set("language", "en")
    try:
        answer = client.get(url, headers={"Accept": "text/html"})
    finally:
        client.cookies.delete("language")
    assert answer.status_code == 200
    left = {found for part in Frame(answer.text).texts for found in chinese_left(part)}
    assert left == set()
