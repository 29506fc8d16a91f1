"""The department systems behind one source root: where their files, databases and JSON APIs are."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.sources.errors import SourceError


@dataclass(frozen=True)
class SourceSystem:
    """A source root and the way into its JSON API; the token is never shown or logged."""

    root: Path
    api_url: str | None = None
    api_token: str | None = field(default=None, repr=False)

    @classmethod
    def from_dir(cls, path: Path, api_url: str | None = None) -> SourceSystem:
        """Read ``credentials.json`` of a source root, if there is one.

        Raises:
            SourceError: the file is not the JSON that is expected.
        """
        credentials = path / "credentials.json"
        if not credentials.is_file():
            return cls(path, api_url)
        try:
            token = json.loads(credentials.read_text(encoding="utf-8")).get("http_api", {}).get("token")
        except (ValueError, AttributeError) as error:
            raise SourceError("source.unauthorised", f"{credentials.name} 不是有效的 JSON 凭据文件") from error
        return cls(path, api_url, token)

    def database_uri(self, dept: str, path: str) -> str:
        """Return where a department's database is: ``CITYBRAIN_SOURCE_<DEPT>_URI``, else the SQLite file of the root."""
        configured = os.environ.get(f"CITYBRAIN_SOURCE_{dept.upper()}_URI")
        return configured or str(self.root / path)
