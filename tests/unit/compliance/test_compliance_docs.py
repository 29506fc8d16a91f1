"""docs/compliance.md has the duties as the code has them."""

from __future__ import annotations

from pathlib import Path

from catalog.compliance.duties import DUTIES

DOCS = Path(__file__).parents[3] / "docs" / "compliance.md"
START, END = "<!-- duties -->\n", "<!-- /duties -->"


def table() -> str:
    lines = ["| code | article | duty | owed by | measured | limit | penalty |", "|---|---|---|---|---|---|---|"]
    for duty in DUTIES:
        penalty = str(duty.penalty or "")
        title = f"{duty.title} ({duty.english})"
        lines.append(
            f"| `{duty.code}` | {duty.basis} | {title} | {duty.owner} | {duty.measured} | {duty.limit} | {penalty} |"
        )
    return "\n".join(lines)


def test_the_table_of_duties_is_that_of_the_code() -> None:
    text = DOCS.read_text("utf-8")
    written = text.split(START)[1].split(END)[0].strip()
    assert written == table()
