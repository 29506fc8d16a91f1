"""Great Expectations Data Docs, offline: built by GE, then freed of every request to another host."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from expectations.gx import load_great_expectations
from expectations.masks import mask_example

if TYPE_CHECKING:
    from expectations.run import SuiteResult

STATIC = Path(__file__).parent / "static"
SITE_NAME = "citybrain"
ASSET_FOLDER = "static/offline"

# Every asset that GE's templates fetch from a CDN, by a part of its address. None: not needed (charts of profiling
# pages, dark colours; popper is part of the bootstrap bundle).
LOCAL_ASSETS: dict[str, str | None] = {
    "bootstrap-table-filter-control.min.js": "vendor/bootstrap-table-filter-control.min.js",
    "bootstrap-table-filter-control": "vendor/bootstrap-table-filter-control.min.css",
    "bootstrap-table.min.js": "vendor/bootstrap-table.min.js",
    "bootstrap-table.min.css": "vendor/bootstrap-table.min.css",
    "bootstrap-datepicker.min.js": "vendor/bootstrap-datepicker.min.js",
    "bootstrap-datepicker.min.css": "vendor/bootstrap-datepicker.min.css",
    "bootstrap-prefers-dark": None,
    "bootstrap.min.css": "vendor/bootstrap.min.css",
    "bootstrap.min.js": "vendor/bootstrap.bundle.min.js",
    "popper": None,
    "jquery": "vendor/jquery.min.js",
    "font-awesome": "icons.css",
    "vega": None,
}
VALIDATIONS = Path("_context/gx/uncommitted/validations")
PAGES = Path("validations")
EXTERNAL_TAG = re.compile(r"""<(?:script|link)\b[^>]*?(?:src|href)=["'](https?://[^"']+)["'][^>]*>(?:\s*</script>)?""")
EXTERNAL_IMAGE = re.compile(r"""<img\b[^>]*src=["']https?://[^"']+["'][^>]*>""")
EXTERNAL_STYLE = re.compile(r"""url\(["']?https?://[^)]*\)""")
FOOTER = re.compile(r"<footer>.*?</footer>", re.DOTALL)
ANCHOR = re.compile(r"""<a\b[^>]*href=["']https?://[^"']+["'][^>]*>(.*?)</a>""", re.DOTALL)
EXTERNAL = re.compile(r"""(?:src|href)\s*=\s*["']?https?://[^"'\s>]+|url\(["']?https?://[^)]+""")


class ExternalLink(RuntimeError):
    """A page would ask another host for something; government networks have no internet."""


def write_data_docs(
    results: Sequence[SuiteResult],
    out_dir: Path,
    *,
    run_name: str = SITE_NAME,
    run_time: datetime | None = None,
    keep: bool = False,
) -> Path:
    """Build the Data Docs of ``results`` in ``out_dir``, replacing what is there, and return the index page.

    With ``keep``, the last results and pages of suites that ``results`` does not speak of stay in the site as they are:
    only the pages of ``results`` and the index are made. Examples of failing values are masked as the suites say.
    ``out_dir`` is swapped in when it is complete, so a reader never meets half a site. GE's project folder, with the
    stored validation results, is ``out_dir/_context``.
    """
    load_great_expectations()
    out_dir = out_dir.resolve()
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out_dir.parent / f".{out_dir.name}.lock")
    with lock, tempfile.TemporaryDirectory(dir=out_dir.parent, prefix=f".{out_dir.name}-") as folder:
        site = Path(folder) / "site"
        site.mkdir()
        kept = _keep_others(out_dir, site, {result.name for result in results}) if keep else set()
        if kept and not results:
            return out_dir / "index.html"
        _build(results, site, run_name, run_time or datetime.now(UTC))
        _make_offline(site, kept)
        _swap(site, out_dir, Path(folder) / "old")
    return out_dir / "index.html"


def _build(results: Sequence[SuiteResult], site: Path, run_name: str, run_time: datetime) -> None:
    import great_expectations as gx
    from great_expectations.core import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import (
        ExpectationSuiteIdentifier,
        ValidationResultIdentifier,
    )

    context = gx.get_context(mode="file", project_root_dir=site / "_context")
    context.variables.progress_bars = {"globally": False}
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    context.add_data_docs_site(SITE_NAME, _site_config(site))
    run = RunIdentifier(run_name=run_name, run_time=run_time)
    keys = [ValidationResultIdentifier(ExpectationSuiteIdentifier(one.name), run, one.name) for one in results]
    for key, result in zip(keys, results, strict=True):
        context.validation_results_store.set(key, _shown(result, run))
    context.build_data_docs(resource_identifiers=keys)


def _keep_others(old: Path, site: Path, names: set[str]) -> set[Path]:
    """Carry over the stored results and the pages of the suites that are not in ``names``; return these files.

    Each file is named as its suite. They are links to the old ones, which nothing writes to again.
    """
    kept = set()
    for pattern in (f"{VALIDATIONS}/**/*.json", f"{PAGES}/**/*.html"):
        for stored in old.glob(pattern):
            if stored.stem not in names:
                target = site / stored.relative_to(old)
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(stored, target)
                kept.add(target)
    return kept


def _site_config(site: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(site)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }


def _shown(result: SuiteResult, run: Any) -> Any:
    """Copy a validation result with its examples masked and with what the index page lists."""
    shown = deepcopy(result.validation)
    for source, entry in zip(result.suite["expectations"], shown.results, strict=True):
        values = (entry.result or {}).get("partial_unexpected_list")
        if values:
            mask = (source.get("meta") or {}).get("mask")
            entry.result["partial_unexpected_list"] = [mask_example(value, mask) for value in values]
    shown.meta = {
        **shown.meta,
        "run_id": run,
        "expectation_suite_name": result.name,
        "active_batch_definition": {
            "datasource_name": "lakehouse",
            "data_connector_name": "duckdb",
            "data_asset_name": result.table,
            "batch_identifiers": {},
        },
    }
    return shown


def _make_offline(site: Path, kept: set[Path]) -> None:
    """Replace or remove everything external in every new page; raise :class:`ExternalLink` if anything is left."""
    shutil.copytree(STATIC / "vendor", site / ASSET_FOLDER / "vendor")
    shutil.copy(STATIC / "icons.css", site / ASSET_FOLDER)
    for page in _pages(site):
        if page in kept:
            continue
        text = offline(page.read_text(encoding="utf-8"), os.path.relpath(site / ASSET_FOLDER, page.parent))
        left = EXTERNAL.search(text)
        if left:
            raise ExternalLink(f"{page.relative_to(site)}: {left[0]}")
        page.write_text(text, encoding="utf-8")


def _pages(site: Path) -> Iterable[Path]:
    return (path for path in sorted(site.rglob("*")) if path.suffix in (".html", ".css") and "vendor" not in path.parts)


def offline(text: str, assets: str) -> str:
    """Return a page that asks only for files below ``assets`` (relative address of the asset folder)."""

    def local(match: re.Match[str]) -> str:
        asset = next((asset for part, asset in LOCAL_ASSETS.items() if part in match[1]), None)
        if asset is None:
            return ""
        if asset.endswith(".css"):
            return f'<link rel="stylesheet" href="{assets}/{asset}">'
        return f'<script src="{assets}/{asset}"></script>'

    text = EXTERNAL_TAG.sub(local, text)
    text = EXTERNAL_IMAGE.sub("<strong>Great Expectations</strong>", text)
    text = EXTERNAL_STYLE.sub("none", text)
    return ANCHOR.sub(r"\1", FOOTER.sub("", text))


def _swap(fresh: Path, out_dir: Path, old: Path) -> None:
    if out_dir.exists():
        out_dir.rename(old)
    fresh.rename(out_dir)
