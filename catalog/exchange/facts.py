"""What is told to another catalogue: contracts, vocabulary, the marts' own descriptions, and what is published of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.contract.load import CATALOG_ROOT, load_contracts, load_vocabulary, read_yaml
from catalog.contract.model import Contract
from catalog.contract.vocabulary import Vocabulary
from catalog.exchange.errors import ExchangeError
from lakehouse.branches import publish_history
from lakehouse.connect.settings import Settings
from lakehouse.query import Reader, open_reader

CHECKS, LINEAGE, COLUMN_LINEAGE = "ops.quality_result", "catalogue.lineage_edge", "catalogue.lineage_column"
MARTS = CATALOG_ROOT.parent / "dbt_project" / "models" / "marts"
# Rejected rows as they came: personal data of unknown shape, which no other catalogue has to know of.
NOT_TOLD = ("quarantine",)

Row = dict[str, Any]


@dataclass(frozen=True)
class ColumnDoc:
    """A column of a table that no contract describes. ``type`` is DuckDB's and Trino's spelling."""

    name: str
    type: str
    business_name: str = ""
    description: str = ""


@dataclass(frozen=True)
class TableDoc:
    """A table that no contract describes: a mart, by its dbt model, or a table of the pipeline."""

    identifier: str
    columns: tuple[ColumnDoc, ...]
    business_name: str = ""
    description: str = ""


@dataclass(frozen=True)
class Profile:
    """Sizes of a published table: its rows, and the nulls of each column. Values themselves are never told."""

    rows: int
    nulls: Mapping[str, int]


@dataclass(frozen=True)
class Published:
    """One published state: ``at`` is when, in milliseconds since 1970; ``lineage`` holds (upstream, downstream)."""

    snapshot: str
    at: int
    tables: tuple[TableDoc, ...] = ()
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    checks: tuple[Row, ...] = ()
    lineage: tuple[tuple[str, str], ...] = ()
    column_lineage: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True)
class ExchangeFacts:
    """Everything that is told; ``published`` is None before the first publish."""

    contracts: Mapping[str, Contract]
    vocabulary: Vocabulary
    marts: tuple[TableDoc, ...] = ()
    published: Published | None = None

    def tables(self) -> list[TableDoc]:
        """Return the tables that no contract describes, by name; what dbt says of one counts more than its bare columns."""
        documented = {mart.identifier: mart for mart in self.marts}
        bare = {table.identifier: table for table in (self.published.tables if self.published else ())}
        found = {**bare, **documented}
        return [found[name] for name in sorted(found) if name not in self.contracts]


def gather(settings: Settings, root: Path = CATALOG_ROOT, marts: Path = MARTS) -> ExchangeFacts:
    """Read vocabulary and marts' descriptions from the project, what is published from the home, and contracts from both.

    Raises:
        ExchangeError: a contract refers to words that are not there.
    """
    contracts, vocabulary = load_contracts(root, approved=settings.contracts), load_vocabulary(root)
    _require_words(contracts, vocabulary)
    history = publish_history(settings, limit=1)
    published = None
    if history:
        at = int(datetime.fromisoformat(history[0].published_at).timestamp() * 1000)
        with open_reader(settings, history[0].snapshot) as reader:
            published = _published(reader, history[0].snapshot, at)
    return ExchangeFacts(contracts, vocabulary, tuple(mart_docs(marts)), published)


def _require_words(contracts: Mapping[str, Contract], vocabulary: Vocabulary) -> None:
    for contract in contracts.values():
        for prop in contract.properties:
            if prop.gov.code_list is not None and prop.gov.code_list not in vocabulary.code_lists:
                raise ExchangeError(
                    f"{contract.key}.{prop.name} names the code list {prop.gov.code_list!r}, which the vocabulary"
                    " does not have; citybrain contract lint says where"
                )


def mart_docs(root: Path) -> list[TableDoc]:
    """Return what the dbt project says of its marts: ``marts/<schema>/_*__models.yml``."""
    found = []
    for path in sorted(root.glob("*/_*__models.yml")):
        for model in read_yaml(path)["models"]:
            columns = tuple(_column_doc(column) for column in model.get("columns", []))
            identifier = f"{path.parent.name}.{model['name']}"
            found.append(TableDoc(identifier, columns, _business_name(model), model.get("description", "")))
    return found


def _column_doc(column: Mapping[str, Any]) -> ColumnDoc:
    described = column.get("description", "")
    return ColumnDoc(column["name"], column.get("data_type", "varchar"), _business_name(column), described)


def _business_name(described: Mapping[str, Any]) -> str:
    return str(described.get("config", {}).get("meta", {}).get("business_name", ""))


def _published(reader: Reader, snapshot: str, at: int) -> Published:
    names = [name for name in reader.tables() if name.partition(".")[0] not in NOT_TOLD]
    tables = tuple(_described(reader, name) for name in names)
    return Published(
        snapshot=snapshot,
        at=at,
        tables=tables,
        profiles={table.identifier: _profile(reader, table) for table in tables},
        checks=tuple(_rows(reader, names, CHECKS, f"select * from {CHECKS} order by all")),
        lineage=tuple(
            (row["upstream"], row["downstream"])
            for row in _rows(reader, names, LINEAGE, f"select upstream, downstream from {LINEAGE} order by all")
        ),
        column_lineage=tuple(
            (row["upstream"], row["upstream_column"], row["downstream"], row["downstream_column"])
            for row in _rows(reader, names, COLUMN_LINEAGE, f"select * from {COLUMN_LINEAGE} order by all")
        ),
    )


def _described(reader: Reader, name: str) -> TableDoc:
    rows = reader.arrow(f"describe {_quoted(name)}").to_pylist()
    return TableDoc(name, tuple(ColumnDoc(row["column_name"], str(row["column_type"]).lower()) for row in rows))


def _profile(reader: Reader, table: TableDoc) -> Profile:
    """Count rows and nulls in one scan."""
    counts = ", ".join(f'count("{column.name}") as c{n}' for n, column in enumerate(table.columns))
    (row,) = reader.arrow(f"select count(*) as all_rows, {counts} from {_quoted(table.identifier)}").to_pylist()
    rows = int(row["all_rows"])
    return Profile(rows, {column.name: rows - int(row[f"c{n}"]) for n, column in enumerate(table.columns)})


def _rows(reader: Reader, names: list[str], table: str, sql: str) -> list[Row]:
    return list(reader.arrow(sql).to_pylist()) if table in names else []


def _quoted(name: str) -> str:
    return ".".join(f'"{part}"' for part in name.split("."))
