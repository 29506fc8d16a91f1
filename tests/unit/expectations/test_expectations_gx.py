"""What Great Expectations imports for nothing is imported when something of it is asked for."""

from __future__ import annotations

import subprocess
import sys

LOOK = """
import inspect, sys
from expectations.gx import load_great_expectations
load_great_expectations()
inspect.getmodule(inspect.currentframe())
print([name for name in ("altair.vegalite", "scipy.stats._stats_py") if name in sys.modules])
from great_expectations.expectations.core import expect_column_kl_divergence_to_be_less_than as seldom
print(round(seldom.stats.entropy([0.5, 0.5]), 3), seldom.alt.Chart.__name__)
from scipy.stats import entropy
import scipy.stats.distributions
print(entropy is seldom.stats.entropy, sys.modules["scipy.stats"].__file__ is not None)
"""


def test_charts_and_distributions_are_imported_when_they_are_used_and_not_before() -> None:
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["[]", "0.693 Chart", "True True"], done.stderr
