"""What processes that run the machine are started with."""

import gc
import os
from typing import Final

TUNABLES: Final = "GLIBC_TUNABLES"
HUGE_PAGES: Final = "glibc.malloc.hugetlb=1"
"""The C library asks for huge pages: the machine's cells lie scattered over some hundred megabytes, and a
word touches dozens of them. Elsewhere than on Linux with glibc it means nothing."""


def build_environment() -> dict[str, str]:
    """The environment of this process with huge pages asked for, unless its user has said which."""
    environment = dict(os.environ)
    given = environment.get(TUNABLES, "")
    if "hugetlb" not in given:
        environment[TUNABLES] = f"{given}:{HUGE_PAGES}".lstrip(":")
    return environment


def calm_collector() -> None:
    """Have the collector of cycles look rarely, and never again at what is there now.

    What a server allots has no cycles to speak of; looking through all of it takes milliseconds, in which
    nobody is answered.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
