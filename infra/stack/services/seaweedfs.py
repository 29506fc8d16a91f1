"""SeaweedFS: another object store, which shows that the S3 endpoint is a setting and not an assumption."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from infra.cli.output import UserError
from infra.host.accounts import own
from infra.host.files import write_private
from infra.host.ports import HOST
from infra.stack.object_store import check_bucket, make_bucket
from infra.stack.prerequisites import MISSING_WEED
from infra.stack.service import Launch, StackService, plain_environment

_INTERNAL = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3.grpc")


class SeaweedStore(StackService):
    """Master, volume, filer and S3 gateway in one process, on one folder."""

    name = "seaweedfs"
    title = "SeaweedFS"

    @property
    def ports(self) -> Mapping[str, int]:
        inner = dict(zip(_INTERNAL, self.settings.ports.object_store_internal, strict=False))
        return {"s3": self.settings.ports.object_store, **inner}

    def prepare(self) -> None:
        own(self.folder, None)
        (self.folder / "data").mkdir(exist_ok=True)
        write_private(self.folder / "s3.json", json.dumps({"identities": self._identities()}, indent=2))

    def launch(self) -> Launch:
        weed = self.parts.weed
        if weed is None:
            raise UserError(f"{MISSING_WEED.what} is missing", hint=MISSING_WEED.install)
        inner = [f"-{_option(name)}={port}" for name, port in self.ports.items() if name != "s3"]
        command = [
            str(weed), "-logtostderr=true", "server",
            f"-dir={self.folder / 'data'}", f"-ip={HOST}", f"-ip.bind={HOST}",
            "-filer", "-s3", f"-s3.port={self.settings.ports.object_store}", *inner,
            f"-s3.config={self.folder / 's3.json'}", "-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
            f"-filer.localSocket={self.folder / 'filer.sock'}", f"-s3.localSocket={self.folder / 's3.sock'}",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=512", "-volume.max=0", "-volume.preStopSeconds=0",
        ]  # fmt: skip
        return Launch(command, {**plain_environment(self.folder), "GOMEMLIMIT": "400MiB"})

    def check(self) -> None:
        secrets = self.settings.secrets
        check_bucket(self.settings, secrets.object_store_root_user, secrets.object_store_root_password)

    def furnish(self) -> None:
        """Make the bucket; the product's own user stands in the configuration."""
        secrets = self.settings.secrets
        make_bucket(self.settings, secrets.object_store_root_user, secrets.object_store_root_password)

    def _identities(self) -> list[dict[str, Any]]:
        secrets = self.settings.secrets
        bucket = self.settings.bucket
        mine = [f"{action}:{bucket}" for action in ("Read", "Write", "List", "Tagging")]
        return [
            _identity("root", secrets.object_store_root_user, secrets.object_store_root_password, ["Admin"]),
            _identity("citybrain", secrets.s3_access_key, secrets.s3_secret_key, mine),
        ]


def _identity(name: str, access_key: str, secret_key: str, actions: list[str]) -> dict[str, Any]:
    return {"name": name, "credentials": [{"accessKey": access_key, "secretKey": secret_key}], "actions": actions}


def _option(name: str) -> str:
    part, _, kind = name.partition(".")
    return f"{part}.port.{kind}" if kind else f"{part}.port"
