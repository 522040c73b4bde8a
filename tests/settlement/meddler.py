"""A proxy before a real node that delays, drops, breaks or falsifies chosen answers."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Change = Callable[[Any], Any]
"""From the true result of a method to the one that is given."""


class Meddler:
    """Listens on a free port of the loopback; a context manager.

    `changes` falsify results by method; `refuses` says of (method, parameters) if the answer is an error;
    `failures` are HTTP statuses for the next requests; `delay_seconds`
    comes before every answer; `body`, if set, is given instead of any answer.
    """

    def __init__(self, url: str) -> None:
        self.changes: dict[str, Change] = {}
        self.refuses: Callable[[str, list[Any]], bool] | None = None
        self.failures: list[int] = []
        self.delay_seconds = 0.0
        self.body: bytes | None = None
        self.requests = 0
        upstream = httpx.Client(trust_env=False, timeout=20.0)
        meddler = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                meddler.requests += 1
                time.sleep(meddler.delay_seconds)
                status = meddler.failures.pop(0) if meddler.failures else 200
                answer = upstream.post(url, content=raw, headers={"Content-Type": "application/json"}).content
                body = meddler.body if meddler.body is not None else meddler.falsify(raw, answer)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def falsify(self, raw: bytes, answer: bytes) -> bytes:
        if not self.changes and self.refuses is None:
            return answer
        requests, answers = json.loads(raw), json.loads(answer)
        pairs = zip(requests, answers, strict=True) if isinstance(requests, list) else [(requests, answers)]
        for request, one in pairs:
            change = self.changes.get(request["method"])
            if change is not None and "result" in one:
                one["result"] = change(one["result"])
            if self.refuses is not None and self.refuses(request["method"], request["params"]):
                one.pop("result", None)
                one["error"] = {"code": -32_000, "message": "too much at once"}
        return json.dumps(answers).encode()

    def __enter__(self) -> "Meddler":
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
