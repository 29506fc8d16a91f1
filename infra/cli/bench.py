"""``citybrain bench NAME``: a benchmark with its floor and its peers in the same run."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import UserError, out, print_json


def _benches() -> dict[str, Callable[..., dict[str, Any]]]:
    from infra.bench.dag_parsing import bench_dag_parsing
    from infra.bench.ingest import bench_ingest
    from infra.bench.orchestration import bench_orchestration
    from infra.bench.publish import bench_publish
    from infra.bench.quality import bench_quality
    from infra.bench.search import bench_search
    from infra.bench.upsert import bench_upsert

    return {
        "ingest": bench_ingest,
        "upsert": bench_upsert,
        "quality": bench_quality,
        "publish": bench_publish,
        "search": bench_search,
        "orchestration": bench_orchestration,
        "dag-parsing": bench_dag_parsing,
    }


def app_commands(app: typer.Typer) -> None:
    """Add ``bench`` to the command line."""

    @app.command()
    def bench(
        name: Annotated[
            str, typer.Argument(help="ingest, upsert, quality, publish, search, orchestration or dag-parsing")
        ],
        rows: Annotated[int | None, typer.Option(help="rows of the data set; default is the bench's own")] = None,
        people: Annotated[int | None, typer.Option(help="residents of the city; for orchestration")] = None,
        topic: Annotated[list[str] | None, typer.Option(help="build these topics only; for orchestration")] = None,
        repeat: Annotated[int, typer.Option(min=1, help="runs of each arm; the median counts")] = 5,
        json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout")] = False,
    ) -> None:
        """Measure one speed goal: ours, the floor and the peers, interleaved in one run."""
        benches = _benches()
        if name not in benches:
            raise UserError(f"no bench named {name!r}", hint=f"one of: {', '.join(benches)}")
        size = {option: value for option, value in (("rows", rows), ("people", people), ("topics", topic)) if value}
        strange = size.keys() - inspect.signature(benches[name]).parameters.keys()
        if strange:
            raise UserError(f"bench {name} has no option for {', '.join(sorted(strange))}")
        result = benches[name](repeat=repeat, **size)
        if json:
            print_json(result)
        else:
            _show(result)


def _show(result: dict[str, Any]) -> None:
    table = Table(title=f"bench {result['name']} {result['params']}")
    for column in ("arm", "seconds (median)", "spread", "peak MiB", "ours is faster by"):
        table.add_column(column)
    for arm, figures in result["arms"].items():
        seconds = sorted(figures["seconds"])
        ratio = result["ratios"].get(arm)
        table.add_row(
            arm,
            f"{seconds[len(seconds) // 2]:.3f}",
            f"{seconds[0]:.3f} … {seconds[-1]:.3f}",
            f"{figures['peak_mib']:.0f}",
            "" if ratio is None else f"{ratio:.2f}",
        )
    out.print(table)
    out.print("results equal" if result["equal"] else "[bold red]results differ: this run is void[/]")
