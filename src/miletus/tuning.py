"""What processes that run the machine are started with."""

import os
from typing import Final

TUNABLES: Final = "GLIBC_TUNABLES"
HUGE_PAGES: Final = "glibc.malloc.hugetlb=1"
"""The C library asks for huge pages: the machine's cells lie scattered over some hundred megabytes, and a word
touches dozens of them. Elsewhere than on Linux with glibc it means nothing."""


def build_environment() -> dict[str, str]:
    """This process's environment with huge pages asked for, unless the user has said something about them."""
    environment = dict(os.environ)
    given = environment.get(TUNABLES, "")
    if "hugetlb" not in given:
        environment[TUNABLES] = f"{given}:{HUGE_PAGES}".lstrip(":")
    return environment
