"""Where everything lives: one home folder per installation, so that two homes on one machine never meet."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

BEIJING = ZoneInfo("Asia/Shanghai")


class Settings(BaseSettings):
    """Settings from the environment (prefix ``CITYBRAIN_``); every path is below ``home``."""

    model_config = SettingsConfigDict(env_prefix="CITYBRAIN_", frozen=True)

    home: Path = Path(".citybrain")
    profile: Literal["embedded", "cluster"] = "embedded"
    threads: int = Field(default=0, ge=0, description="DuckDB threads; 0 takes one per core")
    as_of: date | Literal["today"] | None = Field(
        default=None, description="the day the figures speak of; unset, the project's own (the sample city's)"
    )
    memory_limit: str = Field(default="1200MB", description="DuckDB memory limit per process")
    totp: Literal["administrators", "all", "none"] = Field(
        default="administrators", description="who must have one-time codes as a second factor"
    )
    oidc_issuer: str = Field(default="", description="identity provider that people may sign in through; empty: none")
    oidc_client_id: str = Field(default="", description="what the provider knows this installation as")
    oidc_client_secret_file: Path | None = Field(default=None, description="file with the client's secret")
    oidc_claim: str = Field(default="preferred_username", description="claim that holds the account's name")
    public_address: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9._-]+(:\d{1,5})?|https?://\[[0-9A-Fa-f:.]+\](:\d{1,5})?)?$",
        description="address at which people reach the doors, such as https://data.example.gov.cn; empty: as each calls them",
    )
    lineage_url: str = Field(default="", description="address of the catalogue that builds tell of; empty: none")
    lineage_key_file: Path | None = Field(default=None, description="file with the API key that it is told with")

    @property
    def root(self) -> Path:
        return self.home.expanduser().resolve()

    @property
    def as_of_date(self) -> date | None:
        """The day the figures speak of, ``today`` in Beijing's time; None leaves it to the dbt project."""
        return self.as_of if self.as_of is None or isinstance(self.as_of, date) else datetime.now(BEIJING).date()

    @property
    def catalog_db(self) -> Path:
        """SQLite: Iceberg catalog pointers and the branch register (embedded profile)."""
        return self.root / "catalog.db"

    @property
    def app_db(self) -> Path:
        """SQLite: API keys and other state of the doors (embedded profile)."""
        return self.root / "app.db"

    @property
    def contracts(self) -> Path:
        """Contracts that were approved in this installation, over those that are built in: a git repository."""
        return self.root / "contracts"

    @property
    def warehouse(self) -> Path:
        """Iceberg data and metadata files."""
        return self.root / "warehouse"

    @property
    def landing(self) -> Path:
        """Every delivery as it was received, content-addressed; never rewritten."""
        return self.root / "landing"

    @property
    def runs(self) -> Path:
        """One folder per branch: build database, outcomes, reports."""
        return self.root / "runs"

    @property
    def outcomes(self) -> Path:
        """Outcomes of deliveries until their topic publishes them: a folder a resource, a file each."""
        return self.runs / "inbound" / "outcomes"

    @property
    def docs(self) -> Path:
        """Generated documentation: ``quality/`` (Data Docs) and ``dbt/``."""
        return self.root / "docs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def restoring(self) -> Path:
        """What a restore has not put in its place yet; while it is there, nobody works with this home."""
        return self.root / "restoring"
