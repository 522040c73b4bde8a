"""The gateway serves a page from a folder, and nothing beside it."""

import asyncio
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from miletus.gateway.app import make_app
from miletus.gateway.gateway import Gateway
from miletus.gateway.guard import Guard
from tests.gateway.world import make_settings


def get(page: Path | None, path: str, custody: Any = None, **headers: str) -> httpx.Response:
    settings = dataclasses.replace(make_settings(1), page=page, custody=custody)
    app = make_app(Gateway(settings), Guard("127.0.0.1", frozenset(), frozenset({"http://localhost:5173"})))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(ask())


@pytest.fixture
def page(tmp_path: Path) -> Path:
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text("<title>Miletus</title>")
    (folder / "app.js").write_text("1")
    (folder / "assets").mkdir()
    (folder / "assets" / "app-5c1f.js").write_text("2")
    (tmp_path / "secret").write_text("a key")
    return folder


def test_a_page_is_served_beside_the_api(page: Path) -> None:
    assert "Miletus" in get(page, "/").text
    assert get(page, "/app.js").text == "1"
    assert get(page, "/api/v2/public/test").json()["result"]["version"]
    assert get(page, "/health").status_code == 503  # no node is there
    assert get(None, "/").status_code == 404


@pytest.mark.parametrize(
    "path", ["/../secret", "/%2e%2e/secret", "/..%2fsecret", "//etc/passwd", "/app.js/../../secret"]
)
def test_nothing_outside_the_folder_is_served(page: Path, path: str) -> None:
    response = get(page, path)
    assert "a key" not in response.text
    assert "root:" not in response.text


def test_a_page_of_an_allowed_origin_may_call_and_others_may_not(page: Path) -> None:
    allowed = get(page, "/api/v2/public/test", origin="http://localhost:5173")
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert get(page, "/api/v2/public/test", origin="http://localhost:5174").status_code == 403


@pytest.mark.parametrize("path", ["/", "/app.js", "/assets/app-5c1f.js"])
def test_the_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(page: Path, path: str) -> None:
    headers = get(page, path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_may_talk_to_a_development_l1(page: Path) -> None:
    custody = SimpleNamespace(l1_url="http://127.0.0.1:8545")
    assert (
        "connect-src 'self' http://127.0.0.1:8545;"
        in get(page, "/", custody).headers["content-security-policy"]
    )


def test_what_has_a_hash_in_its_name_is_kept_and_the_rest_asked_for_again(page: Path) -> None:
    assert "immutable" in get(page, "/assets/app-5c1f.js").headers["cache-control"]
    assert get(page, "/").headers["cache-control"] == "no-cache"
    assert "immutable" not in get(page, "/assets/gone.js").headers.get("cache-control", "")
