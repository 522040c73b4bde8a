#!/bin/sh
# Debian's Chromium, in which the tests of the page run: installed where that is possible without asking, named
# where it is not. Tests of the page say so and pass over the browser if it is missing.
set -eu

is_there() {
    command -v chromium >/dev/null 2>&1
}

if is_there; then
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "make: Chromium is not installed and only root can: sudo apt-get install chromium; the page is not tested in a browser" >&2
    exit 0
fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "make: Chromium is not installed: install it so that \`chromium\` is on the path; the page is not tested in a browser" >&2
    exit 0
fi
echo "installing chromium, in which the page is tested"
export DEBIAN_FRONTEND=noninteractive
{ apt-get install -qq --no-install-recommends chromium || {
    apt-get update -qq && apt-get install -qq --no-install-recommends chromium
}; } >/dev/null 2>&1 || true
if ! is_there; then
    echo "make: Chromium can't be installed (Debian: chromium); the page is not tested in a browser" >&2
fi
