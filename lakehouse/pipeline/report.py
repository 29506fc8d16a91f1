"""What a run says at its end, and the report that stays beside a blocked branch."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXIT_PUBLISHED = 0
EXIT_WRONG_INPUT = 2
EXIT_BLOCKED = 3


@dataclass(frozen=True)
class RunReport:
    """The end of one pipeline run; ``to_json`` is the interface that scripts rely on."""

    branch: str
    published: bool
    blocked: bool
    reason: str | None
    snapshot: str
    tables_changed: int
    seconds: float
    batches: list[dict[str, Any]] = field(default_factory=list)
    blocking: list[str] = field(default_factory=list)
    report_path: str | None = None

    @property
    def exit_code(self) -> int:
        """0 published, 3 blocked by quality, 2 when nothing that was asked for could be taken in."""
        if self.published:
            return EXIT_PUBLISHED
        return EXIT_BLOCKED if self.blocked else EXIT_WRONG_INPUT

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {
            "published": self.published,
            "reason": self.reason,
            "snapshot": self.snapshot,
            "tables_changed": self.tables_changed,
            "seconds": round(self.seconds, 3),
            "branch": self.branch,
            "report": self.report_path,
            "blocking": self.blocking,
            "batches": self.batches,
        }


def write_report(folder: Path, facts: dict[str, Any], blocking: list[str]) -> Path:
    """Write why a branch was blocked, as ``report.json`` for programs and ``report.md`` for people; return the latter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(json.dumps({**facts, "blocking": blocking}, ensure_ascii=False, indent=2))
    lines = [
        "# 发布已阻断 Publish blocked",
        "",
        f"分支 branch `{facts['branch']}` 未发布到 main；读者看到的仍是上一版本的全部表。",
        "",
        "## 原因 Reasons",
        "",
        *(f"- {reason}" for reason in blocking),
        "",
        "## 怎么办 What to do",
        "",
        "- 请数源部门更正后重新送数，再运行一次；已收到的数据都保存在 landing，不会丢失。",
        f'- Look into the branch: `citybrain query --branch {facts["branch"]} "select * from ops.quality_result where not success"`',
    ]
    path = folder / "report.md"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
