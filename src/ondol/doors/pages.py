"""The web app: static files of the wheel, under a strict Content-Security-Policy."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent.parent / "ui" / "static"

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_UNBUILT = "<!doctype html><title>Ondol</title><p>The web app is not built. Run <code>make ui</code>."


def routes(folder: Path = FOLDER) -> list[Route | Mount]:
    """Files under `/assets` may be cached for ever (their names hold a hash); every other path is the app itself."""

    async def page(request: Request) -> Response:
        path = request.path_params["path"]
        if path.startswith(("v1/", "v2/")):
            raise HTTPException(404)
        file = folder / path
        if path and "/" not in path and file.is_file():
            return FileResponse(file, headers=HEADERS)
        index = folder / "index.html"
        if not index.is_file():
            return HTMLResponse(_UNBUILT, headers=HEADERS)
        return FileResponse(index, headers=HEADERS | {"Cache-Control": "no-cache"})

    found: list[Route | Mount] = [Route("/{path:path}", page, methods=["GET"])]
    if (folder / "assets").is_dir():
        found.insert(0, Mount("/assets", _Assets(directory=folder / "assets")))
    return found


class _Assets(StaticFiles):
    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(HEADERS | {"Cache-Control": "public, max-age=31536000, immutable"})
        return response
