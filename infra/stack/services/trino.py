"""Trino: SQL over the published tables, and over each run's branch through a catalogue made for it."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import requests
import trino

from infra.host.accounts import own
from infra.host.files import write_private
from infra.host.http import local_http
from infra.host.ports import HOST
from infra.stack.certificate import ensure_certificate
from infra.stack.java import class_archive, heap_bytes, properties
from infra.stack.service import CHECK_SECONDS, Launch, StackService, Unhealthy, plain_environment

MAIN_CLASS = "io.trino.server.TrinoServer"
PASSWORD_ITERATIONS = 65_536
SMALL_HEAP = 4 << 30  # bytes; below it the threads that collect beside queries cost more than the pauses they save
SERIAL = ("-XX:+UseSerialGC",)
G1 = (
    "-XX:+UseG1GC",
    "-XX:G1HeapRegionSize=4M",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:G1PeriodicGCInterval=60000",
)
JVM = (
    "-server",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-OmitStackTraceInFastThrow",
    "-XX:ReservedCodeCacheSize=256M",
    "-XX:MetaspaceSize=256M",  # from 21 MB on the whole heap would be collected each time that the classes need more
    "-XX:MinHeapFreeRatio=10",
    "-XX:MaxHeapFreeRatio=25",
    "-XX:+EnableDynamicAgentLoading",
    "-Djdk.attach.allowAttachSelf=true",
    "-Djdk.nio.maxCachedBufferSize=2000000",
    "-Dfile.encoding=UTF-8",
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
)


class Trino(StackService):
    """One coordinator that also works; it takes passwords over TLS, and talks to itself on a port of its own."""

    name = "trino"
    title = "Trino"
    start_seconds = 180.0

    @property
    def ports(self) -> Mapping[str, int]:
        return {"https": self.settings.ports.trino, "internal": self.settings.ports.trino_internal}

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def trusted(self) -> Path:
        """The certificate with which clients check the server."""
        return self.folder / "trino.crt"

    def prepare(self) -> None:
        own(self.folder, None)
        for folder in (self.etc / "catalog", self.folder / "data"):
            folder.mkdir(parents=True, exist_ok=True)
        ensure_certificate(self.etc / "server.pem", self.trusted)
        files = {
            "config.properties": properties(self._configuration()),
            "node.properties": properties(self._node()),
            "jvm.config": "\n".join(self._jvm()) + "\n",
            "log.properties": "io.trino=INFO\nio.airlift.bootstrap=WARN\n",
            "password-authenticator.properties": properties(
                {
                    "password-authenticator.name": "file",
                    "file.password-file": str(self.etc / "password.db"),
                    # It is written before a start only, and each time that it is read a password costs its hash again.
                    "file.refresh-period": "10m",
                }
            ),
            "password.db": f"{self.settings.trino_user}:{pbkdf2(self.settings.secrets.trino_password)}\n",
            f"catalog/{self.settings.reader_catalog}.properties": properties(self._reader_catalog()),
        }
        for name, text in files.items():
            write_private(self.etc / name, text)

    def launch(self) -> Launch:
        node = [f"-D{name}={value}" for name, value in self._node().items()]
        command = [
            str(self.parts.java),
            "-cp",
            str(self.parts.trino / "lib" / "*"),
            f"@{self.etc / 'jvm.config'}",
            *node,
            f"-Dplugin.dir={self.parts.trino / 'plugin'}",
            f"-Dconfig={self.etc / 'config.properties'}",
            f"-Dlog.levels-file={self.etc / 'log.properties'}",
            MAIN_CLASS,
        ]
        return Launch(command, plain_environment(self.folder))

    def check(self) -> None:
        url = f"http://{HOST}:{self.settings.ports.trino_internal}/v1/info"
        try:
            info = local_http().get(url, timeout=CHECK_SECONDS).json()
        except (httpx.HTTPError, ValueError) as fault:
            raise Unhealthy(f"{url}: {fault or type(fault).__name__}") from None
        if info.get("starting", True):
            raise Unhealthy("it is still starting")
        try:
            self.query("select 1")
        except Exception as fault:  # the client raises what its transport raises
            raise Unhealthy(f"`select 1` failed: {_short(fault)}") from None

    def query(self, statement: str) -> list[list[Any]]:
        """Run a statement as the product's user."""
        user = self.settings.trino_user
        with trino.dbapi.connect(
            host=HOST,
            port=self.settings.ports.trino,
            http_scheme="https",
            user=user,
            auth=trino.auth.BasicAuthentication(user, self.settings.secrets.trino_password),
            http_session=self._session(),
            source="citybrain-stack",
            request_timeout=CHECK_SECONDS,
            max_attempts=1,
        ) as connection:
            cursor = connection.cursor()
            cursor.execute(statement)
            return [list(row) for row in cursor.fetchall()]

    def _session(self) -> requests.Session:
        """Return a session that checks this server by its own certificate, whatever the environment says of others."""
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.trusted)
        return session

    def _jvm(self) -> list[str]:
        heap = self.settings.trino_heap
        collector = SERIAL if heap_bytes(heap) < SMALL_HEAP else G1
        ours, chosen = [f"-Xmx{heap}", *collector, *JVM], self.settings.trino_java_options
        return [*ours, *class_archive(self.parts.trino, [*ours, *chosen]), *chosen]

    def _node(self) -> dict[str, str]:
        node = hashlib.sha256(str(self.places.home).encode()).hexdigest()[:16]
        return {
            "node.environment": "citybrain",
            "node.id": f"citybrain-{node}",
            "node.data-dir": str(self.folder / "data"),
        }

    def _configuration(self) -> dict[str, str]:
        settings = self.settings
        return {
            "coordinator": "true",
            "node-scheduler.include-coordinator": "true",
            "node.internal-address": HOST,
            "node.bind-ip": HOST,
            "discovery.uri": f"http://{HOST}:{settings.ports.trino_internal}",
            "http-server.http.port": str(settings.ports.trino_internal),
            "http-server.https.enabled": "true",
            "http-server.https.port": str(settings.ports.trino),
            "http-server.https.keystore.path": str(self.etc / "server.pem"),
            "http-server.log.enabled": "false",
            "http-server.authentication.type": "PASSWORD",
            "internal-communication.shared-secret": settings.secrets.trino_internal,
            "password-authenticator.config-files": str(self.etc / "password-authenticator.properties"),
            "catalog.management": "dynamic",
            "catalog.store": "file",  # in etc/catalog of the folder it runs in
            "query.max-memory-per-node": "700MB",
            "query.max-memory": "700MB",
            "memory.heap-headroom-per-node": "300MB",
            "query.max-history": "50",
            "task.info.max-age": "2m",  # several times a second it walks what it still knows of tasks that have ended
            "query.min-expire-age": "2m",
            "task.max-worker-threads": str(max(4, 2 * (os.cpu_count() or 1))),
            "web-ui.preview.enabled": "false",
        }

    def _reader_catalog(self) -> dict[str, str]:
        settings = self.settings
        return {
            "connector.name": "iceberg",
            "iceberg.catalog.type": "rest",
            "iceberg.rest-catalog.uri": f"http://{HOST}:{settings.ports.nessie}/iceberg/main",
            "iceberg.rest-catalog.warehouse": settings.warehouse,
            "iceberg.unique-table-location": "true",
            "fs.native-s3.enabled": "true",
            "s3.endpoint": f"http://{HOST}:{settings.ports.object_store}",
            "s3.region": settings.region,
            "s3.path-style-access": "true",
            "s3.aws-access-key": settings.secrets.s3_access_key,
            "s3.aws-secret-key": settings.secrets.s3_secret_key,
        }


def pbkdf2(password: str) -> str:
    """Return a password as Trino's password file holds it: iterations, salt and hash, with HMAC-SHA1 as Trino counts it."""
    salt = secrets.token_bytes(16)
    digest = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, PASSWORD_ITERATIONS)
    return f"{PASSWORD_ITERATIONS}:{salt.hex()}:{digest.hex()}"


def _short(fault: Exception) -> str:
    text = str(fault).strip() or type(fault).__name__
    return text.splitlines()[0][:300]
