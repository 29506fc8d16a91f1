"""A sample city of which each department has delivered little: for tests in which a run is the means and not the matter."""

from __future__ import annotations

from pathlib import Path

from lakehouse.sample_city.city import generate_city

MERGING = ("gaj", "zrzy")  # departments of whose resources a second delivery is merged into what the first one filled


def generate_small_city(folder: Path, *, seed: int, people: int) -> None:
    """Make a sample city without the files that were delivered later; what ``truth/`` says of them stays."""
    generate_city(folder, seed=seed, people=people)
    for resource in folder.glob("*/*/"):
        kept = 2 if resource.parent.name in MERGING else 1
        for file in sorted(resource.iterdir())[kept:]:
            file.unlink()
