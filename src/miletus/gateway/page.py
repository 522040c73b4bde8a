"""Serves the page: files of a folder, under headers that let it load nothing from anywhere else."""

from pathlib import Path
from typing import Any, Final

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

BUILT_PAGE: Final = Path(__file__).resolve().parents[3] / "build" / "web"
"""Where `make web` puts the page."""

HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


def find_page() -> Path | None:
    """The folder of the page, None if it was not built."""
    return BUILT_PAGE if (BUILT_PAGE / "index.html").is_file() else None


def build_policy(l1_url: str | None) -> str:
    """A content security policy: nothing but what the gateway serves, and a development L1 to talk to."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'" + (f" {l1_url}" if l1_url else ""),
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


class Page(StaticFiles):
    """The folder as an ASGI application. Names under assets/ carry a hash, so they may be kept for ever."""

    def __init__(self, folder: Path, l1_url: str | None) -> None:
        super().__init__(directory=folder, html=True)
        self._headers = HEADERS | {"content-security-policy": build_policy(l1_url)}

    async def get_response(self, path: str, scope: Any) -> Response:
        """A file with the headers."""
        response = await super().get_response(path, scope)
        response.headers.update(self._headers)
        lasting = path.startswith("assets/") and response.status_code < 400
        response.headers["cache-control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        return response
