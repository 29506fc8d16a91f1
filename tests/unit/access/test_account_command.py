"""``citybrain account``: what a script reads of it, and what it refuses; and the accounts that a demo makes."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.access.accounts import AccountStore, Actor
from catalog.access.person import ADMINISTRATORS, BUREAU, Post, faulty_posts
from infra.cli.main import app
from infra.cli.output import UserError
from infra.demo.people import make_accounts
from infra.demo.places import Places
from lakehouse.connect.app_database import app_database
from lakehouse.connect.settings import Settings


def citybrain(*line: str) -> Any:
    """Run a command with ``--json`` and return what it wrote; raise what it refused with."""
    result = CliRunner().invoke(app, ["account", *line, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return json.loads(result.stdout) if result.exit_code == 0 else result.exit_code


def test_the_first_accounts_are_the_three_administrators_and_only_once(home: Path) -> None:
    made = citybrain("init")
    assert [row["account"] for row in made] == ["sysadmin", "secadmin", "auditor"]
    assert len({row["password"] for row in made}) == 3
    with pytest.raises(UserError, match="accounts already"):
        citybrain("init")
    listed = citybrain("list")
    assert {Post[post] for row in listed for post in row["posts"]} == ADMINISTRATORS
    assert all(row["must_change"] and row["dept"] == BUREAU for row in listed)
    assert "password" not in str(listed).replace("password_hash", "").lower()


def test_an_account_is_made_appointed_closed_opened_and_reset(home: Path) -> None:
    ((made,)) = citybrain("add", "lisi", "--name", "李四", "--dept", "gaj", "--post", "编目员")
    assert citybrain("posts", "lisi", "--post", "HEAD", "--post", "APPLICANT")["posts"] == ["APPLICANT", "HEAD"]
    assert citybrain("disable", "lisi")["is_disabled"]
    assert citybrain("list")[0]["is_disabled"]
    assert not citybrain("enable", "lisi")["is_disabled"]
    assert citybrain("reset-password", "lisi")[0]["password"] != made["password"]
    with pytest.raises(UserError, match="没有被锁定"):
        citybrain("unlock", "lisi")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["add", "lisi", "--name", "李四", "--dept", "nowhere", "--post", "HEAD"], "no department"),
        (["add", "lisi", "--name", "李四", "--dept", "gaj", "--post", "EMPEROR"], "no post"),
        (["add", "lisi", "--name", "李四", "--dept", "gaj", "--post", "AUDITOR"], "大数据局"),
        (["add", "Li Si", "--name", "李四", "--dept", "gaj", "--post", "HEAD"], "小写字母"),
        (["disable", "ghost"], "没有账号"),
        (["enable", "ghost"], "没有账号"),
        (["posts", "ghost", "--post", "HEAD"], "没有账号"),
        (["reset-password", "ghost"], "没有账号"),
        (["unlock", "ghost"], "没有被锁定"),
    ],
)
def test_what_cannot_be_done_is_told(home: Path, line: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        citybrain(*line)
    assert citybrain("list") == []


def test_people_read_the_list_as_a_table(home: Path) -> None:
    citybrain("add", "lisi", "--name", "[red]李四", "--dept", "gaj", "--post", "HEAD")
    shown = CliRunner().invoke(app, ["account", "list"]).stdout
    assert "[red]李四" in shown
    assert "部门负责人" in shown
    assert "first password" in shown


def test_a_demo_makes_its_people_once_and_keeps_their_first_passwords_private(home: Path) -> None:
    settings = Settings()
    places = Places.of(settings)
    make_accounts(settings, places)
    written = places.accounts.read_text("utf-8")
    assert stat.S_IMODE(places.accounts.stat().st_mode) == 0o600
    assert "虚构" in written
    passwords = dict(line.split()[:2] for line in written.splitlines()[1:])
    store = AccountStore(app_database(settings))
    held = {account.account: account for account in store.all()}
    assert held.keys() == passwords.keys()
    assert all(faulty_posts(account.dept, account.posts) == "" for account in held.values())
    assert {account.dept for account in held.values()} == {BUREAU, "gaj", "mzj"}
    assert store.sign_in("gaj-head", passwords["gaj-head"], Actor("gaj-head")).must_change
    make_accounts(settings, places)
    assert places.accounts.read_text("utf-8") == written
    store.close()
