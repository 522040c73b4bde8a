#!/bin/sh
# PostgreSQL's server programs, which tests of the indexer start by themselves: installed where that is possible
# without asking, named where it is not. Tests say so and pass over PostgreSQL if it is missing.
set -eu

is_there() {
    command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1
}

if is_there; then
    exit 0
fi
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing postgresql, whose server the tests of the indexer start"
    export DEBIAN_FRONTEND=noninteractive
    { apt-get install -qq --no-install-recommends postgresql || {
        apt-get update -qq && apt-get install -qq --no-install-recommends postgresql
    }; } >/dev/null 2>&1 || true
fi
if ! is_there; then
    echo "make: PostgreSQL is not installed (Debian: postgresql): the indexer is tested on SQLite alone" >&2
fi
