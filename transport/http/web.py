"""Serving the web client: the files of one folder."""

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

OPTIONAL = frozenset({"vendor/vision/ready.json"})
"""What set-up may have left out: there is nothing to see, and nothing to complain of."""


class WebClient(StaticFiles):
    """The web client's files.

    ``/`` is ``index.html``, and so is every path without a dot: the client routes by itself.
    Browsers ask anew each time and get 304 for what has not changed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or the page for a path of the client's own."""
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            if path in OPTIONAL:
                return Response(status_code=204)
            if error.status_code != 404 or "." in path or path.startswith("v1"):  # noqa: PLR2004  Not Found
                raise
            response = await super().get_response("index.html", scope)
        response.headers["cache-control"] = "no-cache"
        return response
