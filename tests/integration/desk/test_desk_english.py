"""What the desk refuses, it refuses in the reader's language: every step in every state, by everybody, and faulty forms."""

from __future__ import annotations

import pytest
from desk_doors import FORM, STATED, STEPS, City
from desk_people import PEOPLE
from english_frame import Frame, chinese_left
from httpx import Response

from catalog.contract.load import load_vocabulary
from catalog.sharing import application, verification
from catalog.sharing.machine import Machine

pytestmark = pytest.mark.integration
ROW = "330106195001010000"
REPORT = {"key.resident_id": ROW, "column": "sex_code", "believed": "2", "evidence": "register, page 3"}
LABELS = {label for codes in load_vocabulary().code_lists.values() for label in codes.values.values()}
SAID = {"quality_run": "passed"} | {
    name: "no-such-batch" if name == "reload" else "3" if name == "days" else "said" for name in STATED
}
NAMES = [person.name for person in PEOPLE.values()]


@pytest.fixture
def english(city: City) -> City:
    """The city, read in English by everybody."""
    for browser in city.browsers.values():
        browser.client.cookies.set("language", "en")
        browser.client.headers["accept"] = "text/html"
    return city


def chinese_in(answer: Response) -> set[str]:
    """Return what is Chinese in a page's frame and in what it says went wrong, apart from people's names and codes' labels."""
    assert '<html lang="en">' in answer.text
    texts = [text for text in Frame(answer.text).texts if text.split()[-1:] and text.split()[-1] not in LABELS]
    for name in NAMES:
        texts = [text.replace(name, "") for text in texts]
    return {left for text in texts for left in chinese_left(text)}


def refusals(city: City, url: str, machine: Machine) -> dict[str, set[str]]:
    """Let everybody try every step that is not offered to them; return what was Chinese in the answers."""
    found: dict[str, set[str]] = {}
    for account, browser in city.browsers.items():
        facts = browser.get(f"{url}.json")
        offered = {move["slug"] for move in facts.json()["moves"]} if facts.status_code == 200 else set()
        seen = facts.json()["seen"] if facts.status_code == 200 else 0
        for rule in machine.rules.values():
            slug = rule.kind.name.lower()
            if slug in offered or "form" in rule.needs:
                continue
            answer = browser.post(f"{url}/{slug}", {"seen": seen, **SAID})
            assert answer.status_code in (403, 409), (account, slug, answer.status_code)
            if left := chinese_in(answer):
                found[f"{account} {slug}"] = left
    return found


def test_every_refused_step_of_an_application_is_refused_in_english(english: City) -> None:
    url = english.applied()
    assert refusals(english, url, application.MACHINE) == {}
    for account, slug, stated in STEPS:
        english.sign_in(account).press(url, slug, **stated)
        assert refusals(english, url, application.MACHINE) == {}


def test_every_refused_step_of_a_check_is_refused_in_english(english: City) -> None:
    english.in_use()
    url = english.sign_in("li").post("/desk/report/gaj/resident", REPORT).headers["location"]
    assert refusals(english, url, verification.MACHINE) == {}
    for account, slug, stated in (
        ("zhao", "uphold", {"finding": "right"}),
        ("li", "dispute", {"reason": "not so"}),
        ("li", "escalate", {"reason": "no agreement"}),
        ("sun", "decide", {"decision": "as the source says"}),
    ):
        english.sign_in(account).press(url, slug, **stated)
        assert refusals(english, url, verification.MACHINE) == {}


def test_a_correction_that_cannot_be_is_refused_in_english(english: City) -> None:
    english.in_use()
    url = english.sign_in("li").post("/desk/report/gaj/resident", REPORT).headers["location"]
    english.sign_in("zhao").press(url, "confirm", finding="wrong")
    zhao = english.sign_in("zhao")
    for batch in ("no-such-batch", "gaj.resident:1"):
        answer = zhao.post(f"{url}/correct", {"seen": zhao.json(url)["seen"], "reload": batch})
        assert (answer.status_code, chinese_in(answer)) == (409, set())
        assert "delivered again" in answer.text


def test_what_others_did_meanwhile_is_told_in_english(english: City) -> None:
    url = english.applied()
    wang = english.sign_in("wang")
    wang.press(url, "approve_own")
    answer = wang.post(f"{url}/return_own", {"seen": 2, "reason": "late"})
    assert answer.status_code == 409
    assert "did &#34;Approve&#34;" in answer.text
    assert chinese_in(answer) == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"basis": "", "scenario": "x" * 1001, "scope": ""},
        {"method": "pigeon", "columns": []},
        {"starts_on": "", "ends_on": "x"},
        {"ends_on": "2025-01-01"},
        {"ends_on": "2026-01-02", "columns": ["nothing"], "row.sex_code": "1"},
    ],
)
def test_a_faulty_form_is_told_in_english(english: City, changes: dict[str, object]) -> None:
    answer = english.sign_in("li").post("/desk/apply/gaj/resident", {**FORM, "then": "submit", **changes})
    assert (answer.status_code, chinese_in(answer)) == (422, set())


@pytest.mark.parametrize(
    ("account", "url", "status"),
    [
        ("zhou", "/desk/applications/SQ1999-000001", 404),
        ("li", "/desk/reports/JH1999-000001", 404),
        ("wang", "/desk/apply/gaj/resident", 403),
        ("li", "/desk/apply/gaj/no_such", 404),
        ("zhao", "/desk/keys", 403),
        ("li", "/desk/report/dsjj/division", 200),
        ("zhou", "/desk/report/gaj/resident", 403),
        ("li", "/compliance", 403),
        ("sun", "/compliance?on=x", 400),
        ("sun", "/compliance?on=2020-01-01", 400),
        ("sun", "/compliance/nobody", 404),
        ("sun", "/compliance/report/2026-13", 404),
        ("sun", "/accounts", 403),
        ("li", "/rights", 403),
        ("li", "/audit", 403),
        ("li", "/cataloguing/new", 403),
        ("qian", "/cataloguing/ML1999-000001", 404),
        ("qian", "/catalogue/import/faults/x.csv", 404),
    ],
)
def test_a_page_that_is_denied_or_not_there_says_so_in_english(
    english: City, account: str, url: str, status: int
) -> None:
    answer = english.sign_in(account).get(url)
    assert answer.status_code == status, answer.text
    assert chinese_in(answer) == set()


def test_programs_are_told_what_they_were(english: City) -> None:
    url = english.applied()
    answer = english.sign_in("zhou").post(f"{url}/agree", {"seen": 2}, accept="application/json")
    assert answer.json()["error"]["message"].endswith("尚未报出，只有需求部门可以查看")
