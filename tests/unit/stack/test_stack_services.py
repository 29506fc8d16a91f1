"""What is written for each server: loopback only, private, secrets in files and never on a command line."""

from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest
from cryptography import x509

from infra.cli.output import UserError
from infra.host.accounts import Account, closed_to
from infra.host.files import keep_small
from infra.host.ports import HOST
from infra.stack.build import build_services, with_needs
from infra.stack.certificate import ensure_certificate
from infra.stack.cluster_file import cluster_facts
from infra.stack.java import heap_bytes, properties
from infra.stack.parts import Parts
from infra.stack.places import StackPlaces
from infra.stack.service import StackService
from infra.stack.services.nessie import Nessie
from infra.stack.services.trino import PASSWORD_ITERATIONS, Trino, pbkdf2
from infra.stack.settings import StackSettings
from lakehouse.connect.cluster import ClusterSettings

AIRFLOW = ("airflow-api-server", "airflow-dag-processor", "airflow-scheduler")
PREPARED = ("minio", "seaweedfs", "nessie", "trino", *AIRFLOW)  # PostgreSQL's programs make its own folder


@pytest.fixture(params=PREPARED)
def prepared(
    request: pytest.FixtureRequest,
    places: StackPlaces,
    stack_settings: StackSettings,
    parts: Parts,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> StackService:
    """A server whose files are written."""
    (tmp_path / "java" / "bin").mkdir(parents=True)
    (tmp_path / "java" / "bin" / "java").touch()
    (tmp_path / "java" / "release").write_text('JAVA_VERSION="25"\n', encoding="utf-8")
    monkeypatch.setenv("CITYBRAIN_JAVA_HOME", str(tmp_path / "java"))
    monkeypatch.setattr(Parts, "weed", tmp_path / "weed")
    store = "seaweedfs" if request.param == "seaweedfs" else "minio"
    settings = stack_settings.model_copy(update={"object_store": store})
    service = build_services(places, settings, parts)[request.param]
    service.prepare()
    service.prepare()  # a second start writes over what the first wrote
    return service


def _written(service: StackService) -> dict[Path, str]:
    return {
        path.relative_to(service.folder): path.read_text(encoding="utf-8")
        for path in service.folder.rglob("*")
        if path.is_file()
    }


def test_every_file_is_private(prepared: StackService) -> None:
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in prepared.folder.rglob("*") if path.is_file()}

    assert modes
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(prepared.folder.stat().st_mode) == 0o700


def test_no_secret_is_on_the_command_line_or_in_the_environment(prepared: StackService) -> None:
    launch = prepared.launch()
    shown = " ".join([*launch.command, *launch.environment.values()])

    assert not [name for name, value in prepared.settings.secrets.model_dump().items() if value in shown]


def test_a_server_inherits_nothing_of_our_environment(prepared: StackService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-agentlib:ours")

    assert not {"AWS_SECRET_ACCESS_KEY", "JAVA_TOOL_OPTIONS"} & set(prepared.launch().environment)


def test_every_server_is_bound_to_the_loopback_interface(prepared: StackService) -> None:
    shown = " ".join([*prepared.launch().command, *_written(prepared).values()])

    assert HOST in shown
    assert "0.0.0.0" not in shown  # noqa: S104


def test_nessie_keeps_off_the_ports_of_others_and_lets_spark_sign_for_itself(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    service = Nessie(places, stack_settings, parts)
    service.prepare()
    lines = (service.folder / "application.properties").read_text(encoding="utf-8").splitlines()

    assert "quarkus.management.port=4" in lines
    assert "nessie.catalog.service.s3.default-options.request-signing-enabled=false" in lines
    assert "nessie.version.store.type=JDBC2" in lines


def test_trino_takes_passwords_over_tls_only_and_its_reader_catalog_is_main(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    service = Trino(places, stack_settings, parts)
    service.prepare()
    configuration = (service.etc / "config.properties").read_text(encoding="utf-8").splitlines()
    lake = (service.etc / "catalog" / "lake.properties").read_text(encoding="utf-8").splitlines()

    assert "http-server.authentication.type=PASSWORD" in configuration
    assert not [line for line in configuration if "insecure" in line]
    assert f"iceberg.rest-catalog.uri=http://{HOST}:3/iceberg/main" in lake
    assert "iceberg.unique-table-location=true" in lake


@pytest.mark.parametrize(("heap", "collector"), [("1536m", "Serial"), ("4095m", "Serial"), ("4G", "G1")])
def test_a_small_trino_collects_garbage_with_one_thread_and_the_operators_options_come_last(
    heap: str, collector: str, places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    chosen = {"trino_heap": heap, "trino_java_options": ("-XX:ReservedCodeCacheSize=512M",)}
    service = Trino(places, stack_settings.model_copy(update=chosen), parts)

    service.prepare()

    options = (service.etc / "jvm.config").read_text(encoding="utf-8").splitlines()
    assert options[0] == f"-Xmx{heap}"
    assert [name for name in options if name.endswith("GC")] == [f"-XX:+Use{collector}GC"]
    assert options[-1] == "-XX:ReservedCodeCacheSize=512M"


def test_options_of_nessies_jvm_come_after_ours(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    chosen = {"nessie_java_options": ("-XX:TieredStopAtLevel=1",)}
    command = Nessie(places, stack_settings.model_copy(update=chosen), parts).launch().command

    assert [option for option in command if "TieredStopAtLevel" in option][-1] == "-XX:TieredStopAtLevel=1"
    assert command.index("-XX:TieredStopAtLevel=1") < command.index("-jar")


@pytest.mark.parametrize("server", ["trino", "nessie"])
def test_classes_are_kept_beside_the_program_for_each_set_of_options(
    server: str, places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    """A Java that checks classes refuses those that were kept by one that does not, and would keep none of its own."""
    kept = []
    for chosen in ((), ("-XX:-BytecodeVerificationRemote",), ()):
        settings = stack_settings.model_copy(update={f"{server}_java_options": chosen})
        service = {"trino": Trino, "nessie": Nessie}[server](places, settings, parts)
        service.prepare()
        options = service.launch().command
        if server == "trino":
            options += (service.folder / "etc" / "jvm.config").read_text(encoding="utf-8").splitlines()
        kept += [Path(option.partition("=")[2]) for option in options if option.startswith("-XX:SharedArchiveFile=")]

    assert len(kept) == 3
    assert kept[0] == kept[2] != kept[1]
    assert {path.parent for path in kept} == {parts.trino if server == "trino" else parts.nessie.parent}


def test_a_heap_is_read_as_java_reads_it() -> None:
    assert [heap_bytes(heap) for heap in ("512", "2k", "3M", "1g", "1T")] == [512, 2 << 10, 3 << 20, 1 << 30, 1 << 40]


def test_a_catalog_that_a_run_made_outlives_a_restart_of_trino(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    service = Trino(places, stack_settings, parts)
    service.prepare()
    of_a_run = service.etc / "catalog" / "run_x.properties"
    of_a_run.write_text("connector.name=iceberg\n", encoding="utf-8")

    service.prepare()

    assert of_a_run.exists()


def test_the_password_file_holds_a_hash_that_fits_and_differs_each_time() -> None:
    first, second = pbkdf2("secret"), pbkdf2("secret")
    iterations, salt, digest = first.split(":")

    assert first != second
    assert "secret" not in first
    assert int(iterations) == PASSWORD_ITERATIONS
    assert hashlib.pbkdf2_hmac("sha1", b"secret", bytes.fromhex(salt), int(iterations)).hex() == digest


def test_a_certificate_is_made_for_the_loopback_interface_and_kept(tmp_path: Path) -> None:
    server, trusted = tmp_path / "server.pem", tmp_path / "trusted.pem"
    ensure_certificate(server, trusted)
    first = trusted.read_bytes()
    names = x509.load_pem_x509_certificate(first).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    ensure_certificate(server, trusted)

    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == [HOST]
    assert trusted.read_bytes() == first
    assert "PRIVATE KEY" not in first.decode()


def test_a_certificate_that_is_damaged_is_made_anew(tmp_path: Path) -> None:
    server, trusted = tmp_path / "server.pem", tmp_path / "trusted.pem"
    ensure_certificate(server, trusted)
    trusted.write_text("damaged", encoding="utf-8")

    ensure_certificate(server, trusted)

    assert x509.load_pem_x509_certificate(trusted.read_bytes())


@pytest.mark.parametrize("value", ["two\nlines", "back\\slash", " padded"])
def test_a_property_that_java_would_read_differently_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="password"):
        properties({"password": value})


def test_the_products_file_names_every_server_and_no_administrator(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    facts = cluster_facts(places, stack_settings, parts)
    secrets = stack_settings.secrets

    ClusterSettings.model_validate(facts)
    shown = json.dumps(facts)
    assert secrets.trino_password in shown
    assert secrets.postgres_citybrain in shown
    assert not [value for value in (secrets.postgres_admin, secrets.object_store_root_password) if value in shown]


def test_services_come_with_what_they_need_and_unknown_ones_are_named(
    places: StackPlaces, stack_settings: StackSettings, parts: Parts
) -> None:
    services = build_services(places, stack_settings, parts)

    assert with_needs(services, []) == ["postgres", "minio", "nessie", "trino", *AIRFLOW]
    assert with_needs(services, ["nessie"]) == ["postgres", "nessie"]
    assert with_needs(services, ["trino"]) == ["trino"]
    assert with_needs(services, ["airflow-api-server"]) == ["postgres", "airflow-api-server"]
    assert with_needs(services, ["airflow-scheduler"]) == with_needs(services, [])
    with pytest.raises(UserError, match="kafka"):
        with_needs(services, ["kafka"])


def test_a_folder_that_another_user_may_not_pass_through_is_found(tmp_path: Path) -> None:
    (tmp_path / "open" / "closed" / "home").mkdir(parents=True)
    (tmp_path / "open" / "closed").chmod(0o700)
    stranger = Account("stranger", uid=54_321, gid=54_321)
    owner = Account("owner", tmp_path.stat().st_uid, tmp_path.stat().st_gid)

    assert closed_to(tmp_path / "open" / "closed" / "home", stranger) is not None
    assert closed_to(tmp_path / "open" / "closed" / "home", owner) is None


def test_a_log_that_grew_too_large_is_moved_aside_while_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 100)
        keep_small(log, most=100)
        assert log.stat().st_size == 100
        keep_small(log, most=99)
        writer.write(b"more")

    assert log.read_bytes() == b"more"
    assert (tmp_path / "server.log.1").read_bytes() == b"x" * 100
