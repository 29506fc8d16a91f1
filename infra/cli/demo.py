"""``citybrain demo``: the whole product on this machine, through Airflow, with a synthetic city."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import EXIT_BLOCKED, err, out, print_json, progress_bar
from infra.cli.pipeline import settings_of

if TYPE_CHECKING:
    from infra.demo.run import DemoReport
    from lakehouse.connect.settings import Settings

DEFAULT_PEOPLE, DEFAULT_SEED = 20_000, 42
EXAMPLE_RESOURCE = "dsjj.division"
DOORS = {
    "catalogue": "数据目录 catalogue",
    "sign_in": "登录 sign in",
    "api_docs": "接口文档 API docs",
    "airflow": "Airflow",
    "data_docs": "质量报告 Data Docs",
    "dbt_docs": "模型文档 dbt docs",
}


def app_commands(app: typer.Typer) -> None:
    """Add ``demo`` to the command line."""
    app.command()(demo)


def demo(
    people: Annotated[int, typer.Option(min=100, help="residents of the synthetic city")] = DEFAULT_PEOPLE,
    seed: Annotated[int, typer.Option(help="the same seed gives the same city")] = DEFAULT_SEED,
    profile: Annotated[
        str | None, typer.Option(help="embedded, or cluster: on the servers of citybrain stack up, which it starts")
    ] = None,
    stop: Annotated[
        bool, typer.Option("--stop", help="end what the demo of this home started, and nothing else")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout at the end")] = False,
) -> None:
    """Make a synthetic city, run it through Airflow, and serve the result; exit 3 when quality blocked a topic."""
    from infra.demo.run import start_demo, stop_demo

    settings = settings_of(profile)
    if stop:
        _show_stopped(stop_demo(settings), json)
        _show_stack(settings, json)
        return
    with _progress() as progress:
        report = start_demo(settings, people=people, seed=seed, progress=progress, say=err.print)
    if json:
        print_json(report.to_json())
    else:
        _show(settings, report)
    raise typer.Exit(EXIT_BLOCKED if report.failed else 0)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show one bar a stage; where there is no terminal, one line whenever a stage moved on by a tenth."""
    with progress_bar() as bar:
        bars: dict[str, Any] = {}
        said: dict[str, int] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = bar.add_task(stage, total=total)
            bar.update(bars[stage], completed=done, total=total)
            if not err.is_terminal and said.get(stage) != done * 10 // max(total, 1):
                said[stage] = done * 10 // max(total, 1)
                err.print(f"{stage} {done}/{total}")

        yield show


def _show_stopped(ended: list[str], json: bool) -> None:
    if json:
        print_json({"stopped": ended})
    else:
        out.print(f"stopped: {', '.join(ended)}" if ended else "nothing was running")


def _show_stack(settings: Settings, json: bool) -> None:
    """Say that the stack goes on, and how it is stopped: others may use it, and it was there before the demo."""
    from infra.stack.places import StackPlaces
    from infra.stack.status import supervisor_of

    if not json and supervisor_of(StackPlaces.of(settings)) is not None:
        out.print("服务栈仍在运行 the stack goes on; to stop it: citybrain stack down (make stack-down)")


def _show(settings: Settings, report: DemoReport) -> None:
    facts = report.to_json()
    if report.was_up:
        out.print("已在运行 already up; nothing was started. To end it: make demo-stop")
    _show_resources(facts["batches"])
    _show_topics(facts["published"])
    for dag_id, task in report.failed.items():
        err.print(
            f"[bold red]未完成 failed:[/] {dag_id} at {task}; main stays as it was. See the task's log in Airflow."
        )
    _show_doors(settings, report, facts["urls"])
    if not report.was_up:
        parts = ", ".join(f"{name} {seconds} s" for name, seconds in facts["phases"].items())
        out.print(f"[dim]{facts['seconds']} s: {parts}[/]")
    out.print("合成数据：所有人员均为虚构。Synthetic data: all persons are synthetic.  结束 end: make demo-stop")
    _show_stack(settings, json=False)


def _show_resources(batches: list[dict[str, Any]]) -> None:
    from infra.demo.summary import COUNTED

    table = Table(title="汇聚 what came in")
    table.add_column("resource")
    for name in ("batches", *COUNTED, "failed"):
        table.add_column(name, justify="right")
    for resource in sorted({batch["resource"] for batch in batches}):
        mine = [batch for batch in batches if batch["resource"] == resource]
        counts = [sum(batch[name] for batch in mine) for name in COUNTED]
        failed = sum(batch["status"] == "failed" for batch in mine)
        table.add_row(resource, str(len(mine)), *(f"{count:,}" for count in counts), str(failed or ""))
    table.add_section()
    totals = [sum(batch[name] for batch in batches) for name in COUNTED]
    failed = sum(batch["status"] == "failed" for batch in batches)
    table.add_row("合计 total", str(len(batches)), *(f"{count:,}" for count in totals), str(failed or ""), style="bold")
    out.print(table)


def _show_topics(published: dict[str, int]) -> None:
    from catalog.contract.load import load_vocabulary
    from infra.demo.summary import rows_by_topic

    names = {**load_vocabulary().categories.topics, "governance": "数据治理", "catalogue": "政务数据目录"}
    table = Table(title="发布 what was published")
    table.add_column("topic")
    table.add_column("主题")
    table.add_column("tables", justify="right")
    table.add_column("rows", justify="right")
    for topic, tables, rows in rows_by_topic(published, names):
        table.add_row(topic, names[topic], str(tables), f"{rows:,}")
    out.print(table)


def _show_doors(settings: Settings, report: DemoReport, urls: dict[str, str]) -> None:
    from infra.airflow.configuration import ADMIN, passwords_path
    from infra.demo.places import Places
    from infra.demo.summary import api_example

    places = Places.of(settings)
    notes = {
        "airflow": f"  用户 user {ADMIN}, password in {passwords_path(places.airflow)}",
    }
    if places.accounts.exists():
        notes["sign_in"] = f"  账号与初始口令 accounts and first passwords (synthetic people): {places.accounts}"
    table = Table(title="去哪里看 where to look", show_header=False)
    for name, label in DOORS.items():
        table.add_row(label, f"{urls[name]}{notes.get(name, '')}")
    table.add_row("数据接口 data API", api_example(places, report.state.ports, EXAMPLE_RESOURCE))
    table.add_row("日志 logs", str(places.logs))
    out.print(table)
