"""``citybrain sample-city`` and ``citybrain sample-api``: a synthetic city to try everything on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json, progress_bar

NOTICE = "合成数据：所有人员均为虚构。Synthetic data: all persons are synthetic."


def app_commands(app: typer.Typer) -> None:
    """Add ``sample-city`` and ``sample-api`` to the command line."""
    app.command("sample-city")(sample_city)
    app.command("sample-api")(sample_api)


def sample_city(
    target: Annotated[Path, typer.Option("--out", help="folder to write; an earlier sample city there is replaced")],
    seed: Annotated[int, typer.Option(help="the same seed and people give the same bytes")] = 7,
    people: Annotated[int, typer.Option(help="residents, 100 or more")] = 20_000,
    json: Annotated[bool, typer.Option("--json", help="one JSON object on stdout")] = False,
) -> None:
    """Write a synthetic city: what its departments deliver, with planted defects and their truth."""
    from lakehouse.sample_city.city import SampleCityError, generate_city

    try:
        with _progress() as progress:
            report = generate_city(target, seed=seed, people=people, progress=progress)
    except SampleCityError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(f"cannot write to {target}: {error.strerror or error}", hint="choose another --out") from error
    if json:
        print_json(report.as_dict())
    else:
        _show(report.as_dict())


@contextmanager
def _progress() -> Iterator[Any]:
    with progress_bar() as bar:
        task = bar.add_task("sample city", total=None)

        def advance(what: str, done: int, total: int) -> None:
            bar.update(task, description=f"sample city: {what}", completed=done, total=total)

        yield advance


def _show(report: dict[str, Any]) -> None:
    table = Table(title=f"{report['out']}: {report['people']} people, seed {report['seed']}")
    table.add_column("resource")
    table.add_column("rows delivered", justify="right")
    for key, rows in report["resources"].items():
        table.add_row(key, f"{rows:,}")
    out.print(table)
    planted = ", ".join(f"{kind} {count}" for kind, count in report["defects"].items())
    out.print(f"{report['rows']:,} rows in {report['files']} files; planted: {planted}")
    out.print(NOTICE)


def sample_api(
    city: Annotated[Path, typer.Argument(help="folder that citybrain sample-city wrote")],
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes any free port")] = 0,
) -> None:
    """Serve a sample city's department API on the loopback interface until interrupted."""
    from lakehouse.sample_city.api_server import HOST, department_server

    try:
        server = department_server(city, port=port)
    except FileNotFoundError as error:
        raise UserError(
            f"{city} is not a sample city: it has no credentials.json", hint="citybrain sample-city --out DIR"
        ) from error
    except OSError as error:
        raise UserError(f"cannot listen on port {port}: {error.strerror or error}", hint="use --port 0") from error
    out.print(f"http://{HOST}:{server.server_port}")
    err.print(f"{NOTICE} Token: see {city / 'credentials.json'}. Ctrl-C ends.")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        err.print("ended")
    finally:
        server.server_close()
