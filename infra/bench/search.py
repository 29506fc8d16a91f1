"""``citybrain bench search``: how fast and how well names are found over HTTP, ours and two peers.

Every arm is the same server - the product's route and protection - with another way to find behind it; the client asks
all questions one after another on one kept connection, and each answer is timed at the client. The floor is that
server answering ten lines without looking. A question is answered when the record it means is among the first ten.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import psycopg

from catalog.search.names import build_names
from infra.bench.harness import FLOOR, OURS, Arm, ArmResult, run_arms
from infra.bench.search_corpus import corpus
from infra.bench.search_peers import build_postgres, build_sqlite, peer_rows
from infra.bench.search_queries import FORMER_NAME, KINDS, Oracle, Question, questions
from infra.cli.output import UserError
from infra.stack.control import stack_down, stack_up
from infra.stack.places import StackPlaces
from infra.stack.settings import StackSettings

ROWS = 100_000
EACH = 250
SEED = 36344
FOUND = 10
WARMING = 5
BUDGET_SECONDS = 60.0  # an arm that is slower than this answers the first part of the questions only
SQLITE, POSTGRES = "peer:sqlite-fts5", "peer:postgres-pg_trgm"
VERSIONS = ("citybrain", "numpy", "pypinyin", "uvicorn", "fastapi", "httpx", "psycopg")


def bench_search(
    rows: int = ROWS,
    repeat: int = 3,
    *,
    each: int = EACH,
    seed: int = SEED,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Measure search over ``rows`` items and all division names, with ``each`` questions of every kind."""
    say = progress or (lambda _text: None)
    say("search: fetching and making the records")
    things = corpus(rows, seed)
    with tempfile.TemporaryDirectory(prefix="citybrain-bench-") as name, _postgres(Path(name)) as address:
        folder = Path(name)
        started = time.perf_counter()
        content = build_names(things)
        build_seconds = time.perf_counter() - started
        (folder / "ours.index").write_bytes(content)
        say("search: making the questions")
        oracle = Oracle(things)
        asked, notes = questions(things, oracle, each, seed)
        (folder / "questions.json").write_text(json.dumps([question.to_json() for question in asked]), encoding="utf-8")
        places = {OURS: str(folder / "ours.index"), FLOOR: "", SQLITE: str(folder / "peer.sqlite")}
        say("search: filling the peers")
        build_sqlite(folder / "peer.sqlite", peer_rows(things, oracle))
        missing = _filled(address, things, oracle)
        if address and not missing:
            places[POSTGRES] = address
        arms: dict[str, Arm] = {arm: partial(_ask, arm, place, folder) for arm, place in places.items()}
        params = {
            "items": rows,
            "records": len(things),
            "questions": dict.fromkeys((*KINDS, FORMER_NAME), each) | notes,
            "seed": seed,
            "index_mib": round(len(content) / 2**20, 1),
            "build_seconds": round(build_seconds, 2),
        } | ({"left_out": missing} if missing else {})
        once = frozenset({SQLITE, POSTGRES})
        result = run_arms(
            "search", params, arms, repeat, versions=VERSIONS, once=once, progress=progress, figures=_figures
        )
        return result


def _figures(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of an arm over all its runs: of a time or size the median, of a share the worst."""
    times = [key for key in runs[0] if key.endswith(("_ms", "_mib")) or key == "asked"]
    shares = [key for key in runs[0] if key.startswith(("recall", "former"))]
    return {key: round(float(np.median([run[key] for run in runs])), 2) for key in times} | {
        key: min(run[key] for run in runs) for key in shares
    }


def _ask(arm: str, place: str, folder: Path) -> ArmResult:
    """Start the arm's server, warm it with a few questions, then ask them all with the clock running."""
    asked = [Question(**line) for line in json.loads((folder / "questions.json").read_text(encoding="utf-8"))]
    command = [sys.executable, "-m", "infra.bench.search_server", arm, place]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no way to hear of the server")
        try:
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=60) as client:
                for question in asked[:WARMING]:
                    client.get("/api/v1/divisions", params={"q": question.typed, "limit": FOUND})
                seconds, right = [], []
                begun = time.perf_counter()
                for question in asked:
                    if time.perf_counter() - begun > BUDGET_SECONDS:
                        break
                    started = time.perf_counter()
                    answer = client.get("/api/v1/divisions", params={"q": question.typed, "limit": FOUND})
                    seconds.append(time.perf_counter() - started)
                    right.append(_is_right(question, answer.raise_for_status().json()["data"]))
            peak = (
                psutil.Process(process.pid).memory_info().rss / 2**20
            )  # of the server, what it mapped and touched too
        finally:
            process.terminate()
    times = np.array(seconds) * 1000
    notes = {f"p{share}_ms": float(np.percentile(times, share)) for share in (50, 95, 99)}
    notes["max_ms"] = float(times.max())
    notes["asked"] = len(times)
    kinds = np.array([question.kind for question in asked[: len(times)]])
    good = np.array(right)
    if arm != FLOOR:
        notes["recall_at_10"] = float(min(good[kinds == kind].mean() for kind in KINDS if (kinds == kind).any()))
        notes |= {f"recall_at_10_{kind}": float(good[kinds == kind].mean()) for kind in KINDS if (kinds == kind).any()}
        notes["former_names_found"] = float(good[kinds == FORMER_NAME].mean())
    notes["peak_mib"] = round(peak, 1)
    return ArmResult(float(np.mean(seconds)), None, notes)


def _is_right(question: Question, found: Sequence[dict[str, Any]]) -> bool:
    if question.kind == FORMER_NAME:
        former = [line for line in found[:FOUND] if line["code"] in (None, question.ref)]
        return any(line["name"] == question.typed for line in former)
    return question.ref in [line["code"] for line in found[:FOUND]]


def _filled(address: str, things: Sequence[Any], oracle: Oracle) -> str:
    """Fill PostgreSQL; return why it is left out, or ``""``."""
    if not address:
        return "peer:postgres-pg_trgm: PostgreSQL is not installed (apt-get install postgresql)"
    try:
        build_postgres(address, peer_rows(things, oracle))
    except psycopg.errors.FeatureNotSupported as fault:
        return f"peer:postgres-pg_trgm: {str(fault).splitlines()[0]} (apt-get install postgresql-contrib)"
    return ""


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    """Start PostgreSQL alone in a home of its own; the address, or ``""`` when it cannot be."""
    folder.chmod(0o711)
    home = folder / "home"
    home.mkdir(mode=0o711)
    places = StackPlaces(home)
    try:
        stack_up(places, only=("postgres",), new_ports=True)
    except UserError:
        yield ""
        return
    try:
        settings = StackSettings.load(places) or StackSettings()
        yield (f"postgresql://postgres:{settings.secrets.postgres_admin}@127.0.0.1:{settings.ports.postgres}/postgres")
    finally:
        stack_down(places)
