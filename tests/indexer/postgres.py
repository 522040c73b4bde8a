"""A PostgreSQL server of our own: in a folder, on a free port of loopback, run by a user that is not root."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER = "postgres"
"""Whom the server runs as where the tests run as root, which PostgreSQL refuses."""


def find_binaries() -> Path | None:
    """The folder of initdb and postgres, the newest there is; None if PostgreSQL is not installed."""
    folders = glob.glob("/usr/lib/postgresql/*/bin")
    newest = sorted(folders, key=lambda name: int(name.split("/")[4]), reverse=True)
    for folder in [*newest, os.path.dirname(shutil.which("initdb") or "")]:
        if folder and (Path(folder) / "initdb").exists():
            return Path(folder)
    return None


def find_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def as_owner(command: list[str]) -> list[str]:
    """A command as somebody who may run a server."""
    return ["runuser", "-u", OWNER, "--", *command] if os.geteuid() == 0 else command


@contextmanager
def run_server(binaries: Path) -> Iterator[str]:
    """Start a cluster of its own, and stop it at the end; the address of its database."""
    home = Path(tempfile.mkdtemp(prefix="miletus-postgres-", dir="/tmp"))
    log = home / "log"
    try:
        if os.geteuid() == 0:
            shutil.chown(home, OWNER, OWNER)
        data = home / "data"
        subprocess.run(
            as_owner(
                [str(binaries / "initdb"), "-D", str(data), "-U", "miletus", "-A", "trust", "-E", "UTF8"]
            ),
            check=True,
            capture_output=True,
            cwd="/",
        )
        port = find_port()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(home),
            "fsync": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with log.open("wb") as output:
            server = subprocess.Popen(
                as_owner([str(binaries / "postgres"), "-D", str(data), *options]),
                stdout=output,
                stderr=output,
                cwd="/",
            )
        try:
            wait_for_port(port, server, log)
            yield f"postgresql://miletus@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run(
                as_owner([str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop"]),
                capture_output=True,
                check=False,
                cwd="/",
            )
            server.wait(20)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def wait_for_port(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"PostgreSQL does not start: {log.read_text()[-2_000:]}")
