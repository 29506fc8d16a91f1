"""The quality benchmark on a small table: its arms agree, and its floor is really written in the suite's order."""

from __future__ import annotations

import pytest

from infra.bench.quality import bench_quality

pytestmark = pytest.mark.integration


def test_all_arms_find_the_same_verdicts_and_counts() -> None:
    result = bench_quality(rows=20_000, repeat=1)
    assert result["equal"] is True
    assert result["params"]["expectations"] == 30
    assert set(result["arms"]) == {"ours", "floor", "peer:great_expectations"}
    assert set(result["ratios"]) == {"floor", "peer:great_expectations"}
