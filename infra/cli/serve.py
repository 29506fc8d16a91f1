"""``citybrain serve`` and ``citybrain key``: the doors, and the keys to them."""

from __future__ import annotations

import socket
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json

if TYPE_CHECKING:
    from catalog.access.store import AccessStore

DEFAULT_PORT = 8642
key_app = typer.Typer(help="API keys of the data service", no_args_is_help=True)


def app_commands(app: typer.Typer) -> None:
    """Add ``serve`` and ``key`` to the command line."""
    app.command()(serve)
    app.add_typer(key_app, name="key")


def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="port; 0 takes a free one")] = DEFAULT_PORT,
) -> None:
    """Serve catalogue pages, data API and generated documentation on one port, until interrupted."""
    import uvicorn

    from catalog.web.app import create_app
    from lakehouse.connect.settings import Settings

    listener = _listen(host, port)
    shown = f"http://{host}:{listener.getsockname()[1]}"
    err.print(
        f"数据目录 catalogue  {shown}/catalogue\n接口文档 API docs   {shown}/api/docs\n健康检查 health     {shown}/healthz"
    )
    server = uvicorn.Server(uvicorn.Config(create_app(Settings()), log_level="warning", access_log=False))
    server.run(sockets=[listener])


@key_app.command("new")
def new_key(
    dept: Annotated[str, typer.Option(help="department that holds the key")],
    name: Annotated[str, typer.Option(help="what it is for")],
    resource: Annotated[list[str] | None, typer.Option(help="granted resource, DEPT/RESOURCE; repeatable")] = None,
    unmasked: Annotated[bool, typer.Option(help="show masked fields of granted resources as they are")] = False,
    expires: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="last day")] = None,
    json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Make a key; it is shown once."""
    from catalog.contract.load import load_contracts, load_vocabulary

    granted = [item.replace("/", ".") for item in resource or []]
    unknown = sorted(set(granted) - load_contracts().keys())
    if unknown:
        raise UserError(
            f"no such resource: {', '.join(unknown)}", hint="names are DEPT/RESOURCE; see catalog/contracts"
        )
    if dept not in load_vocabulary().departments:
        raise UserError(f"no department {dept!r}", hint="see catalog/vocabulary/departments.yaml")
    last_day = expires.date() if expires else None
    key = _store().create_key(dept, name, granted, is_unmasked=unmasked, expires_on=last_day)
    if json:
        print_json({"key": key, "dept": dept, "resources": granted, "expires_on": last_day})
    else:
        out.print(key)
        err.print("[dim]只显示这一次 shown this once; keep it safe[/]")


@key_app.command("list")
def list_keys(json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List keys, without their secrets."""
    keys = _store().keys()
    if json:
        print_json(keys)
        return
    table = Table("id", "dept", "name", "resources", "unmasked", "expires", "revoked")
    for row in keys:
        granted = ", ".join(row["resources"])
        table.add_row(
            row["key_id"],
            row["dept"],
            row["name"],
            granted,
            _yes(row["is_unmasked"]),
            _text(row["expires_on"]),
            _text(row["revoked_at"]),
        )
    out.print(table)


@key_app.command("revoke")
def revoke_key(key_id: Annotated[str, typer.Argument(help="the id of citybrain key list")]) -> None:
    """Revoke a key at once."""
    if not _store().revoke(key_id):
        raise UserError(f"no key {key_id!r} in force", hint="citybrain key list")
    out.print(f"revoked {key_id}")


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), reuse_port=False)
    except OSError as error:
        raise UserError(
            f"cannot listen on {host}:{port}: {error.strerror}", hint="choose another with --port"
        ) from error


def _store() -> AccessStore:
    from catalog.access.store import AccessStore
    from lakehouse.connect.settings import Settings

    return AccessStore(Settings().app_db)


def _yes(flag: bool) -> str:
    return "yes" if flag else ""


def _text(value: date | str | None) -> str:
    return "" if value is None else str(value)
