"""A wheel carries the compiled machine; an editable install leaves that to `make build`."""

import sys
from pathlib import Path

from setuptools import setup

if "bdist_wheel" in sys.argv:
    sys.path.insert(0, str(Path(__file__).parent / "scripts"))
    from build_engine import make_extensions

    extensions = make_extensions()
    for extension in extensions:
        extension.optional = True  # without a C compiler the wheel is pure Python, and slower
    setup(ext_modules=extensions)
else:
    setup()
