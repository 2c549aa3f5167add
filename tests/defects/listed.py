"""Defects of lists: rows of somebody else than the path names, and pages that lead on where nothing follows."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlencode

from mock_server.messages import Request, Response
from tests.defects.planting import Ask, Defect, Plant, asked, boundary, of

BEYOND = "beyond-"


def of_the_first(path: str, key: str) -> Plant:
    """Whoever the path names, the rows are those of one."""
    form = re.compile(path)

    def changed(request: Request) -> Request:
        found = form.fullmatch(request.path) if request.method == "GET" else None
        return request if found is None else request._replace(path=request.path.replace(found[1], key))

    return asked(changed)


def leading_on(operation: str, *, without_end: bool) -> Plant:
    """The last page leads on to one without rows, and this one again where there is to be no end."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        query = dict(parse_qsl(request.query))
        beyond = query.get("cursor", "").startswith(BEYOND)
        if beyond:
            query.pop("cursor")
            response = ask(request._replace(query=urlencode({**query, "limit": 1000})))
        if not of(response, operation, 200):
            return response
        body = json.loads(response.body)
        number = int(dict(parse_qsl(request.query))["cursor"].removeprefix(BEYOND)) if beyond else 0
        if body["cursor"] is None and (without_end or not beyond):
            body["cursor"] = f"{BEYOND}{number + 1}"
        body["data"] = [] if beyond else body["data"]
        return response._replace(body=json.dumps(body).encode())

    return boundary(changed)


def cut(operation: str, most: int) -> Plant:
    """Where no size is asked for, a page has so many rows and leads on to none, however many there are."""

    def changed(request: Request, response: Response, ask: Ask) -> Response:
        if not of(response, operation, 200) or "limit=" in request.query:
            return response
        body = json.loads(response.body)
        return response._replace(body=json.dumps({**body, "data": body["data"][:most], "cursor": None}).encode())

    return boundary(changed)


DEFECTS = [
    # whose rows
    Defect(
        "the versions of one agent for every agent",
        "uponai",
        "list",
        of_the_first(r"/api/agents/([^/]+)/versions", "agent_d3c2df14e163c7ca8ac5b1bf38"),
        "listAgentVersions",
    ),
    Defect(
        "the prompts of one agent for every agent",
        "vogent",
        "list",
        of_the_first(r"/api/agents/([^/]+)/versioned_prompts", "61ccefdf-ea02-4f49-811b-1241f8e20d26"),
        "listVersionedPrompts",
    ),
    # where it ends
    Defect(
        "the last page leads on",
        "vogent",
        "list",
        leading_on("listVersionedPrompts", without_end=False),
        "listVersionedPrompts",
    ),
    Defect(
        "pages without rows and without end",
        "vogent",
        "list",
        leading_on("listBatchDialJobs", without_end=True),
        "listBatchDialJobs",
    ),
    Defect("a list is cut after its second row", "vogent", "list", cut("listAgents", 2), "listAgents"),
]
