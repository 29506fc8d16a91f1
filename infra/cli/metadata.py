"""``citybrain metadata``: the catalogue to and from OpenMetadata."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from infra.cli.output import UserError, err, out, print_json

EXIT_DIFFERENT = 1
JsonFlag = Annotated[bool, typer.Option("--json", help="JSON on stdout")]
metadata_app = typer.Typer(help="The catalogue to and from OpenMetadata", no_args_is_help=True)


def app_commands(app: typer.Typer) -> None:
    """Add ``metadata`` to the command line."""
    app.add_typer(metadata_app, name="metadata")


@metadata_app.command("export")
def export(
    out_dir: Annotated[Path, typer.Option("--out", help="folder for openmetadata.json")] = Path("openmetadata"),
    server: Annotated[str | None, typer.Option(help="URL of an OpenMetadata server; nothing is written then")] = None,
    token_file: Annotated[Path | None, typer.Option(help="file with the JWT of its ingestion bot")] = None,
    service: Annotated[str, typer.Option(help="name of the database service over there")] = "citybrain",
    json: JsonFlag = False,
) -> None:
    """Tell OpenMetadata what the catalogue knows: entries, words, owners, tags, lineage, checks and profiles."""
    token = _token(server, token_file)
    err.print("[dim]loading OpenMetadata's ingestion…[/]")
    from catalog.exchange.errors import ExchangeError
    from catalog.exchange.names import Place
    from catalog.exchange.workflow import export_to_file, export_to_server
    from lakehouse.connect.settings import Settings

    try:
        if server is not None:
            told = export_to_server(Settings(), server, token, place=Place(service))
        else:
            told = export_to_file(Settings(), out_dir, place=Place(service))
    except ExchangeError as fault:
        raise UserError(str(fault), hint="docs/openmetadata.md") from None
    if json:
        print_json(asdict(told))
        return
    out.print(f"{told.records:,} records -> {told.where}")


@metadata_app.command("trino")
def trino(
    out_dir: Annotated[Path, typer.Option("--out", help="folder for openmetadata-trino.json")] = Path("openmetadata"),
    service: Annotated[str, typer.Option(help="name of the database service over there")] = "citybrain",
    catalog: Annotated[str | None, typer.Option(help="catalog of Trino; the readers' when none is named")] = None,
    json: JsonFlag = False,
) -> None:
    """Let OpenMetadata's own Trino connector read the service, with the password of the cluster file."""
    err.print("[dim]loading OpenMetadata's ingestion…[/]")
    from catalog.exchange.errors import ExchangeError
    from catalog.exchange.trino_service import export_trino
    from lakehouse.connect.cluster import ProfileUnavailable, cluster_settings
    from lakehouse.connect.settings import Settings

    try:
        told = export_trino(cluster_settings(Settings()), out_dir, service=service, catalog=catalog)
    except (ExchangeError, ProfileUnavailable) as fault:
        raise UserError(str(fault), hint="docs/openmetadata.md") from None
    if json:
        print_json(asdict(told))
        return
    out.print(f"{told.records:,} records -> {told.where}")


@metadata_app.command("import")
def read_back(
    file: Annotated[Path, typer.Argument(help="what the file sink wrote")],
    check: Annotated[bool, typer.Option("--check", help="exit 1 when it differs from the contracts here")] = False,
    json: JsonFlag = False,
) -> None:
    """Read catalogue entries back from a file, each record checked by OpenMetadata's own model."""
    err.print("[dim]loading OpenMetadata's ingestion…[/]")
    from catalog.exchange.errors import ExchangeError
    from catalog.exchange.reading import read_entries

    try:
        entries = read_entries(file)
    except ExchangeError as fault:
        raise UserError(str(fault), hint="citybrain metadata export writes such a file") from None
    found = _differences(entries) if check else []
    if json:
        print_json({"entries": [asdict(entries[key]) for key in sorted(entries)], "differences": found})
    else:
        table = Table("resource", "name", "provider", "sharing", "grade", "items", title=str(file))
        for key in sorted(entries):
            entry = entries[key]
            shown = (key, entry.name, entry.provider_name, entry.share_type_name, entry.grade_name)
            table.add_row(*shown, str(len(entry.items)))
        out.print(table)
        for line in found:
            err.print(line, markup=False)
    if found:
        raise typer.Exit(EXIT_DIFFERENT)


def _token(server: str | None, token_file: Path | None) -> str:
    if (server is None) != (token_file is None):
        raise UserError("--server and --token-file go together", hint="the file holds the JWT of the ingestion bot")
    if token_file is None:
        return ""
    try:
        token = token_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise UserError(f"the token file {token_file} cannot be read: {fault}") from None
    if not token or not token.isascii() or any(character.isspace() for character in token):
        raise UserError(f"{token_file} holds no token", hint="one line: the JWT of the ingestion bot")
    return token


def _differences(entries: dict[str, Any]) -> list[str]:
    """Name every field in which the entries differ from those of the contracts here."""
    from catalog.contract.load import load_contracts, load_vocabulary
    from catalog.derive.catalogue import catalogue_entry
    from lakehouse.connect.settings import Settings

    vocabulary, contracts = load_vocabulary(), load_contracts(approved=Settings().contracts)
    here = {key: catalogue_entry(contract, vocabulary) for key, contract in contracts.items()}
    found = [f"{key}: only in the file" for key in sorted(set(entries) - set(here))]
    found += [f"{key}: not in the file" for key in sorted(set(here) - set(entries))]
    for key in sorted(set(here) & set(entries)):
        mine, theirs = vars(here[key]), vars(entries[key])
        found += [f"{key}: {name} differs" for name in mine if mine[name] != theirs[name]]
    return found
