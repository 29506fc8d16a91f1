"""The accounts of a demo: synthetic people of the bureau and of two departments, with generated passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.access.accounts import AccountStore, Actor
from catalog.access.person import BUREAU, Post
from infra.demo.places import Places
from infra.host.files import write_private
from lakehouse.connect.app_database import app_database

if TYPE_CHECKING:
    from lakehouse.connect.settings import Settings

DEPARTMENTS = ("gaj", "mzj")
IN_THE_BUREAU = {
    "sysadmin": ("系统管理员·演示", Post.SYSTEM_ADMIN),
    "secadmin": ("安全管理员·演示", Post.SECURITY_ADMIN),
    "auditor": ("审计员·演示", Post.AUDITOR),
    "catalogue": ("目录管理员·演示", Post.CATALOGUE_ADMIN),
    "reviewer": ("审核员·演示", Post.REVIEWER),
}
IN_A_DEPARTMENT = {
    "cataloguer": ("编目员·演示", Post.CATALOGUER),
    "head": ("负责人·演示", Post.HEAD),
    "applicant": ("申请经办人·演示", Post.APPLICANT),
}
_HEAD = (
    "# 演示账号，人员均为虚构；口令为首次登录所用，登录后须修改。 Synthetic people; first passwords, to be changed.\n"
)


def make_accounts(settings: Settings, places: Places) -> None:
    """Make the demo's accounts where there are none yet, and write their first passwords into a private file."""
    wanted = {name: (shown, BUREAU, post) for name, (shown, post) in IN_THE_BUREAU.items()}
    for dept in DEPARTMENTS:
        wanted |= {f"{dept}-{name}": (shown, dept, post) for name, (shown, post) in IN_A_DEPARTMENT.items()}
    store = AccountStore(app_database(settings))
    try:
        if store.all():
            return
        text = _HEAD
        for account, (shown, dept, post) in wanted.items():
            password = store.add(account, shown, dept, [post], Actor())
            text += f"{account:<16} {password}  {dept} {post}\n"
            write_private(places.accounts, text)
    finally:
        store.close()
