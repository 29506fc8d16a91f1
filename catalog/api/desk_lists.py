"""The lists of the desk: which there are for somebody, and one page of one, filtered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from catalog.access.person import Person, Post
from catalog.api.desk import APPLICATIONS, REPORTS, Desk, Row
from catalog.api.search import page_number
from catalog.sharing import application as app
from catalog.sharing import verification as ver
from catalog.sharing.posts import sees_all

PAGE_SIZE = 50
LONGEST_CHOICE = 40
LISTS: dict[str, Callable[[Row, Person], bool]] = {
    "own": lambda line, person: line["kind"] == APPLICATIONS and line["applicant"] == person.dept,
    "provided": lambda line, person: line["kind"] == APPLICATIONS and line["provider"] == person.dept,
    "intake": lambda line, _person: line["state"] == app.State.INTAKE,
    "answer": lambda line, _person: line["state"] in (app.State.ANSWER, app.State.PROVIDING, ver.State.REPORTED),
    "reports": lambda line, _person: line["kind"] == REPORTS,
    "overdue": lambda line, _person: line["light"] in ("red", "yellow", "unknown"),
    "all": lambda _line, _person: True,
}


def lists_of(person: Person) -> list[str]:
    """Return the lists that are of use to somebody, in the order of the menu; ``keys`` is the page of keys."""
    keys = ["keys"] if Post.APPLICANT in person.posts else []
    if sees_all(person):
        return ["intake", "answer", "overdue", "reports", "all", *keys]
    named = ["own"] if person.posts & {Post.APPLICANT, Post.HEAD} else []
    if person.posts & {Post.HEAD, Post.CATALOGUER}:
        named += ["provided", "answer"]
    return [*named, "overdue", "reports", "all", *keys]


def list_of(desk: Desk, person: Person, name: str, state: str, dept: str, number: str) -> Row:
    """Return one page of a list, and the states and departments that it can be filtered by."""
    name = name if name in LISTS else "all"
    every = [line for line in desk.lines(person) if LISTS[name](line, person)]
    state, dept = state[:LONGEST_CHOICE], dept[:LONGEST_CHOICE]
    found = [
        line for line in every if state in ("", line["state"]) and dept in ("", line["applicant"], line["provider"])
    ]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    at = min(page_number(number), pages)
    departments: dict[str, str] = {}
    for line in every:
        departments |= {line[side]: line[f"{side}_name"] for side in ("applicant", "provider")}
    return {
        "list": name,
        "state": state,
        "dept": dept,
        "total": len(found),
        "page": at,
        "pages": pages,
        "lines": found[(at - 1) * PAGE_SIZE : at * PAGE_SIZE],
        "states": dict(Counter(line["state"] for line in every)),
        "departments": dict(sorted(departments.items(), key=lambda item: item[1])),
    }
