"""The file of a grant, downloaded from its application's page by a clerk of the applicant."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from catalog.access.person import Doing
from catalog.api.clock import today
from catalog.api.data_file import DataFiles, FileRequest
from catalog.api.desk import APPLICATIONS, Desk
from catalog.api.errors import ApiError
from catalog.api.sending import send
from catalog.contract.message import Message
from catalog.sharing.application import Application
from catalog.sharing.grants import FILE
from catalog.web.desk_matters import seen_matter
from catalog.web.visitors import permitted, signed_in


def file_router(desk: Desk, files: DataFiles) -> APIRouter:
    """Return the route of the files."""
    router = APIRouter(include_in_schema=False)

    @router.get("/desk/applications/{number}/file.{form}")
    def file(request: Request, number: str, form: str) -> Response:
        application = seen_matter(desk, signed_in(request), APPLICATIONS, number)
        assert isinstance(application, Application)
        person = permitted(request, Doing.DOWNLOAD, application.parties.applicant)
        contract = desk.reads.contracts.get(application.resource)
        if contract is None:
            raise ApiError(
                409,
                "resource_gone",
                Message("{resource} 已不在目录中", resource=application.resource),
                "请联系提供部门",
            )
        asked = FileRequest(
            contract=desk.reads.now().served(contract),
            principal=person.as_principal(),
            method=FILE,
            form=form,
            request_id=request.state.request_id,
            named=number,
            by=f"{person.name}（{person.account}）",
        )
        return send(files.give(asked, today()))

    return router
