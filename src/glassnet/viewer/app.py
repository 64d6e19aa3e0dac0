"""The application behind the guard: a closed table of routes, and errors as sentences."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import PurePosixPath
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from glassnet.engine.errors import GlassnetError
from glassnet.viewer import page
from glassnet.viewer.answers import to_json
from glassnet.viewer.panels import PANELS
from glassnet.viewer.query import Query
from glassnet.viewer.runs import Runs
from glassnet.viewer.security import Guard

#: Seconds between two events, and after how many of them a sign of life is sent where nothing has changed. The figures
#: of a training change more than twice a second; more often, nobody reads them.
INTERVAL, ALIVE = 0.4, 25
ACTIONS = ("stop", "resume")


def application(runs: Runs, *, hosts: frozenset[str], token: str, ending: Callable[[], bool] = lambda: False) -> Guard:
    """What the server serves. ending: whether it is about to end, so that streams must."""
    html, digest = page.served_page()

    async def index(_request: Request) -> Response:
        return Response(html, media_type="text/html")

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        content = page.plotly() if name == page.PLOTLY else page.files().get(name)
        if content is None:
            raise HTTPException(404)
        return Response(content, media_type=page.KINDS[PurePosixPath(name).suffix])

    async def panel(request: Request) -> Response:
        run, chosen = _found(runs, request), PANELS.get(request.path_params["panel"])
        if chosen is None:
            raise HTTPException(404)
        return await _answer(chosen.answer, run, Query(request.query_params))

    async def action(request: Request) -> Response:
        run, name = _found(runs, request), request.path_params["action"]
        if name not in ACTIONS:
            raise HTTPException(404)
        return await _answer(lambda: run.ask(name) or {"asked": name})

    async def events(_request: Request) -> Response:
        return StreamingResponse(_events(runs, ending), media_type="text/event-stream")

    routes = [
        Route("/", index),
        Route("/page/{name:path}", file),
        Route("/api/events", events),
        Route("/api/runs/{run}/ask/{action}", action, methods=["POST"]),
        Route("/api/runs/{run}/{panel}", panel),
    ]
    handlers: Any = {HTTPException: _refused}
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, hosts=hosts, token=token, hashes=(digest,))


def _found(runs: Runs, request: Request) -> Any:
    try:
        return runs[request.path_params["run"]]
    except KeyError:
        raise HTTPException(404) from None


async def _events(runs: Runs, ending: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Every run in a line, at once and whenever something has changed."""
    before, quiet = b"", 0
    while not ending():
        try:
            found = to_json({"runs": await run_in_threadpool(runs.summaries)})
        except GlassnetError as error:
            found = to_json({"error": str(error)})
        quiet += 1
        if found != before:
            yield b"data: " + found + b"\n\n"
            before, quiet = found, 0
        elif quiet >= ALIVE:
            yield b": still here\n\n"
            quiet = 0
        await asyncio.sleep(INTERVAL)


def _json(value: Any, status: int = 200) -> Response:
    return Response(to_json(value), status, media_type="application/json")


async def _refused(_request: Request, error: HTTPException) -> Response:
    """A wrong address, as a sentence."""
    words = {404: "there is no such page or run.", 405: "this address has no such method."}
    return _json({"error": words.get(error.status_code, error.detail)}, error.status_code)


async def _answer(work: Callable[..., Any], *arguments: Any) -> Response:
    """What the work gives. An error that was raised on purpose is a card on the page, and so is a mistake of
    glassnet's own; the terminal says where that happened.
    """
    try:
        return _json(await run_in_threadpool(work, *arguments))
    except GlassnetError as error:
        return _json({"error": str(error)}, 422)
    except Exception as error:  # noqa: BLE001  # the page goes on
        traceback.print_exception(error)
        return _json({"error": f"the page made a mistake ({type(error).__name__}); the terminal says where."}, 500)
