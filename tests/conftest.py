"""What every test may rely on: the machine that runs is made of the sources that lie here."""

import os

import build_engine

interpreted = os.environ.get("MILETUS_INTERPRETED", "") not in ("", "0")
stale = not interpreted and bool(build_engine.get_extension_files()) and not build_engine.is_current()
if stale:
    os.environ["MILETUS_INTERPRETED"] = "1"  # before anything imports miletus


def pytest_report_header() -> str:
    """Say which machine is under test, since a compiled one that is older than its sources misleads."""
    from miletus import build_kind

    note = " (the compiled one is older than its sources: make build)" if stale else ""
    try:
        return f"machine: {build_kind()}{note}"
    except ModuleNotFoundError:
        return f"machine: none yet{note}"
