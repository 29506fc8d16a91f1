"""``citybrain catalogue``: the published catalogue as files for people and for other portals."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.output import UserError, out, print_json

app = typer.Typer(help="Catalogue 数据目录: export.", no_args_is_help=True)


class Format(StrEnum):
    """What the catalogue can be written as."""

    DCAT = "dcat"
    XLSX = "xlsx"


@app.command("export")
def export_command(
    form: Annotated[
        Format, typer.Option("--format", help="dcat: DCAT-AP 3, by the ending .ttl or .jsonld; xlsx: 1272号.")
    ],
    target: Annotated[Path, typer.Option("--out", help="The file to write; it is replaced.")],
    dept: Annotated[str, typer.Option("--dept", help="One department only, by its short code.")] = "",
    base: Annotated[str, typer.Option("--base", help="Address of this catalogue, which names begin with (dcat).")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Write the published catalogue: what is built in, and what was approved in this installation."""
    from catalog.cataloguing.archive import Archive
    from catalog.cataloguing.sheet_write import workbook_of
    from catalog.cataloguing.shelf import Shelf
    from catalog.contract.load import load_vocabulary
    from catalog.exchange.dcat import catalogue_graph, serialised
    from lakehouse.connect.settings import Settings

    published = Shelf(load_vocabulary(), Archive(Settings().contracts)).now()
    if dept and dept not in published.vocabulary.departments:
        raise UserError(f"unknown department {dept!r}", hint="see catalog/vocabulary/departments.yaml")
    keys = [key for key, contract in published.contracts.items() if dept in ("", contract.dept)]
    if form is Format.XLSX:
        content = workbook_of((published.documents[key].data for key in keys), published.vocabulary)
    else:
        written = {".ttl": "turtle", ".jsonld": "json-ld"}.get(target.suffix)
        if written is None:
            raise UserError(f"{target.name}: which form of DCAT-AP?", hint="end --out in .ttl or .jsonld")
        content = serialised(catalogue_graph(published.contracts, published.vocabulary, base, only=keys), written)
    try:
        target.write_bytes(content)
    except OSError as error:
        raise UserError(f"{target}: {error.strerror or error}", hint="give a file in a folder that exists") from error
    if as_json:
        print_json({"file": str(target), "format": str(form), "entries": len(keys), "bytes": len(content)})
    else:
        out.print(f"{target}: {len(keys)} entries", markup=False)
