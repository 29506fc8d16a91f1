"""What lint reports, and the sources that its rules come from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning"]

ODCS = "ODCS v3.1.0"
GUIDE = "发改高技〔2017〕1272号"
GRADING = "GB/T 43697-2024"
HOUSE = "docs/contracts.md"
YAML = "YAML 1.2"
_ORDINALS = {3: "三", 13: "十三", 14: "十四", 15: "十五", 19: "十九", 22: "二十二"}


def law(article: int) -> str:
    """Name an article of the Regulations on Government Data Sharing (State Council decree 809)."""
    return f"《政务数据共享条例》第{_ORDINALS[article]}条"


@dataclass(frozen=True, order=True)
class Finding:
    """One fault: where it stands, which field, what is wrong and what to do, and the source of the rule.

    ``line`` and ``column`` are 1-based. An ``error`` keeps the contract from being used, a ``warning`` does not.
    """

    path: str
    line: int
    column: int
    field: str
    rule: str
    message: str
    source: str
    severity: Severity = "error"

    def to_json(self) -> dict[str, Any]:
        """Return the finding as a JSON object."""
        return asdict(self)
