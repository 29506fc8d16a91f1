"""``citybrain stack``: the servers of the cluster profile on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table

from infra.cli.output import EXIT_BLOCKED, UserError, err, out, print_json

if TYPE_CHECKING:
    from infra.stack.places import StackPlaces
    from infra.stack.status import StackStatus

app = typer.Typer(
    name="stack", help="the servers of the cluster profile, as processes of this machine", no_args_is_help=True
)
Json = Annotated[bool, typer.Option("--json", help="one JSON document on stdout")]
ObjectStoreName = Literal["minio", "seaweedfs"]
POLL_SECONDS = 0.3


@app.command()
def up(
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="NAME", help="this service and what it needs; may be repeated")
    ] = None,
    object_store: Annotated[
        ObjectStoreName | None,
        typer.Option("--object-store", help="chosen at the first start; minio unless said otherwise"),
    ] = None,
    new_ports: Annotated[bool, typer.Option("--new-ports", help="take other ports for those that are taken")] = False,
    json: Json = False,
) -> None:
    """Start what does not run yet, and wait until all of it serves."""
    from infra.stack.control import stack_up

    begun = time.monotonic()
    names = [name for each in only or [] for name in each.split(",") if name]
    with _saying(json) as say:
        status = stack_up(_places(), only=names, object_store=object_store, new_ports=new_ports, say=say)
    seconds = round(time.monotonic() - begun, 1)
    if json:
        print_json({**_facts(status), "seconds": seconds})
    else:
        _show(status)
        out.print(f"已就绪 ready in {seconds} s；地址与口令 addresses and passwords: {_places().cluster_file}")
    raise typer.Exit(0 if status.is_well else EXIT_BLOCKED)


@app.command()
def status(json: Json = False) -> None:
    """Ask every service how it is; exit 3 unless all are well."""
    from infra.stack.status import stack_status

    found = stack_status(_places())
    if json:
        print_json(_facts(found))
    else:
        _show(found)
    raise typer.Exit(0 if found.is_well else EXIT_BLOCKED)


@app.command()
def down(json: Json = False) -> None:
    """Stop what was started in this home, and nothing else; data stays."""
    from infra.stack.control import stack_down

    with _saying(json) as say:
        say("stopping")
        ended = stack_down(_places())
    if json:
        print_json({"stopped": ended})
    else:
        out.print(f"已停止 stopped: {', '.join(ended)}" if ended else "没有运行中的服务 nothing was running")


@app.command()
def fetch(json: Json = False) -> None:
    """Bring the parts of all services into the cache, and start nothing; what is missing is told at once."""
    from infra.stack.control import stack_fetch
    from infra.stack.parts import cache_folder

    with _saying(json) as say:
        stack_fetch(say)
    if json:
        print_json({"cache": str(cache_folder())})
    else:
        out.print(f"已备齐 all parts are in {cache_folder()}")


@app.command()
def configure(json: Json = False) -> None:
    """Write settings and configuration for a container engine, and start nothing; see infra/stack/compose.yaml."""
    from infra.stack.containers import configure_containers

    written = configure_containers(_places())
    if json:
        print_json({"environment_file": str(written)})
    else:
        out.print(f"docker compose --env-file {written} -f infra/stack/compose.yaml up --detach")


@app.command()
def furnish(json: Json = False) -> None:
    """Make databases, bucket and first namespace in servers that a container engine runs; waits for them."""
    from infra.stack.containers import furnish_containers

    with _saying(json) as say:
        furnished = furnish_containers(_places(), say)
    if json:
        print_json({"furnished": furnished})
    else:
        out.print(f"已就绪 ready: {', '.join(furnished)}")


@app.command()
def logs(
    name: Annotated[str, typer.Argument(help="a service, or supervisor")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="go on as it grows")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="how many of the last lines")] = 50,
) -> None:
    """Show the end of a service's log."""
    places = _places()
    path = places.log(name)
    if not path.is_file() or path.parent != places.logs:
        known = sorted(each.stem for each in places.logs.glob("*.log"))
        raise UserError(f"there is no log of {name!r}", hint=f"there is one of: {', '.join(known) or 'nothing yet'}")
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file.readlines()[-lines:] if lines else []:
            out.file.write(line)
        file.seek(0, 2)
        while follow:
            grown = file.read()
            out.file.write(grown)
            out.file.flush()
            if not grown:
                time.sleep(POLL_SECONDS)


def _places() -> StackPlaces:
    from infra.stack.places import StackPlaces
    from lakehouse.connect.settings import Settings

    return StackPlaces.of(Settings())


@contextmanager
def _saying(quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show on stderr what is being done, in place where there is a terminal."""
    if quiet or not err.is_terminal:
        yield lambda what: None if quiet else err.print(what)
        return
    with err.status("…") as spinner:
        yield spinner.update


def _facts(found: StackStatus) -> dict[str, object]:
    return {
        "healthy": found.is_well,
        "supervised": found.is_supervised,
        "services": [{**asdict(service), "phase": service.phase.value} for service in found.services],
    }


def _show(found: StackStatus) -> None:
    if not found.services:
        out.print("没有运行中的服务 nothing runs; start it with: citybrain stack up")
        return
    table = Table(title="服务 services")
    for column in ("service", "state", "port", "pid", "memory", "since", "restarts"):
        table.add_column(column, justify="right" if column in {"port", "pid", "memory", "restarts"} else "left")
    for service in found.services:
        colour = "green" if service.is_healthy else "bold red"
        table.add_row(
            service.title,
            f"[{colour}]{service.phase.value}[/]",
            str(next(iter(service.ports.values()), "")),
            str(service.pid or ""),
            f"{service.memory / 2**20:,.0f} MiB" if service.memory else "",
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(service.since)),
            str(service.restarts or ""),
        )
    table.add_section()
    table.add_row("合计 total", "", "", "", f"{sum(each.memory for each in found.services) / 2**20:,.0f} MiB", "", "")
    out.print(table)
    for service in found.services:
        if service.reason:
            err.print(f"[bold red]{service.title}:[/] {service.reason}  [dim]log: {service.log}[/]", highlight=False)
    if not found.is_supervised:
        err.print(
            "[bold red]没有守护进程 no supervisor runs;[/] nothing is started again when it crashes: citybrain stack up"
        )
