"""Terraform as the tests run it: on a copy of the project's files, with providers from a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

TERRAFORM_ROOT = Path(__file__).resolve().parents[1] / "infra" / "terraform"
PLUGIN_FOLDERS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins")
LEFT_BEHIND = shutil.ignore_patterns(".terraform*", "*.tfstate*", "__pycache__")
ATTACH = "TF_REATTACH_PROVIDERS"
# Each command makes the provider's hundreds of megabytes of schema anew; to collect garbage meanwhile is a third of it.
RARELY_COLLECTED = {"GOGC": "off", "GOMEMLIMIT": "1500MiB"}
IS_CI = os.environ.get("CI", "").lower() in {"1", "true"}


def tool_missing(what: str, remedy: str) -> NoReturn:
    """Say aloud what is not on this machine; in CI that is a failure."""
    text = f"{what} is missing: {remedy}"
    if IS_CI:
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


class Terraform:
    """One copy of ``infra/terraform``, and the program to run in it."""

    def __init__(self, folder: Path, *, attached: str | None = None) -> None:
        """``attached`` are providers that run already: see :func:`running_provider`."""
        self._attached = {ATTACH: attached} if attached else {}
        self._program = shutil.which("terraform") or tool_missing("terraform", "install 1.11 or newer, put it on PATH")
        self._plugins = _plugin_folder()
        self.root = folder / "terraform"
        shutil.copytree(TERRAFORM_ROOT, self.root, ignore=LEFT_BEHIND)

    def init(self, part: str, *arguments: str, env: dict[str, str] | None = None) -> None:
        """Initialise a module or environment; without arguments, without its backend."""
        chosen = arguments or ("-backend=false",)
        self.run(part, "init", "-no-color", f"-plugin-dir={self._plugins}", *chosen, env=env)

    def run(
        self, part: str, *arguments: str, fine: tuple[int, ...] = (0,), env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run ``terraform`` in a part; any exit code that is not ``fine`` fails the test with all that was said."""
        told = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", **RARELY_COLLECTED}
        environ = {**os.environ, **told, **self._attached, **(env or {})}
        command = [self._program, f"-chdir={self.root / part}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        assert done.returncode in fine, f"terraform {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done


@contextmanager
def running_provider(env: dict[str, str]) -> Iterator[str]:
    """Run the aws provider once for many commands, each of which would start it anew, for seconds; yield how it is reached.

    ``env`` are the credentials that it takes from its environment.
    """
    command = [next(_plugin_folder().rglob("terraform-provider-aws_*")), "-debug"]
    # With authorities of its own it can be configured once only.
    told = {**os.environ, **RARELY_COLLECTED, **env}
    environ = {name: value for name, value in told.items() if name != "AWS_CA_BUNDLE"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ
    ) as process:
        assert process.stdout is not None
        told = next((line.strip() for line in process.stdout if f"{ATTACH}=" in line), None)
        assert told, f"{command[0]} ended with {process.wait()}"
        try:
            yield told.removeprefix(f"{ATTACH}='").removesuffix("'")
        finally:
            process.terminate()


def _plugin_folder() -> Path:
    named = os.environ.get("TF_PLUGIN_DIR")
    for folder in [named] if named else PLUGIN_FOLDERS:
        if Path(folder).is_dir():
            return Path(folder)
    tool_missing("Terraform's aws provider", "put hashicorp/aws 5.100.0 into a folder and name it in TF_PLUGIN_DIR")
