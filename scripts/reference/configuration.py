"""docs/reference/config.md: every field of miletus.toml, its limits and its default, from its classes."""

from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from miletus.cli.config import METRICS_PORTS, Config
from miletus.cli.system import SERVICES

INTRODUCTION = """# miletus.toml

Made from the code: `make reference`. `miletus up --config miletus.toml` takes this file the first time; the
system's folder keeps what it was set up with (`config.json`). Every section and field may be left out. A
field that does not exist, a value out of its limits, or two services on one port is one line that names it.
"""

OUTRODUCTION = """## Health and metrics

Each process serves `/health` (status 200, or 503 with what is wrong) and `/metrics` (Prometheus' text) at a
port of its own: `metrics.port` is the node's, and those after it are those of {services}, in this order;
{ports} ports are kept free. `system.json` in the folder has the addresses, and `miletus status` asks them
all. Figures are `miletus_SERVICE_NAME`; `miletus_up` is 1 while nothing is wrong; `process_*` tell of memory,
processor time and files. A process that runs by itself serves them where `MILETUS_METRICS=host:port` says.
"""


def render() -> str:
    """The page."""
    default = Config()
    names = [section.name for section in msgspec.structs.fields(Config)]
    end = OUTRODUCTION.format(services=", ".join(SERVICES[1:]), ports=METRICS_PORTS)
    return "\n".join([INTRODUCTION, *(describe_section(name, getattr(default, name)) for name in names), end])


def describe_section(name: str, section: Any) -> str:
    """A section as a table of its fields."""
    hints = get_type_hints(type(section), include_extras=True)
    rows = []
    for field in msgspec.structs.fields(section):
        value = msgspec.to_builtins(getattr(section, field.name))
        text, limits = describe_type(hints[field.name])
        shown = msgspec.json.encode(value).decode()
        rows.append(f"| `{field.name}` | {text} | {limits} | `{shown}` |")
    summary = " ".join((type(section).__doc__ or "").split())
    head = "| field | what it is | limits | default |\n|---|---|---|---|"
    return f"## [{name}]\n\n{summary}\n\n{head}\n" + "\n".join(rows) + "\n"


def describe_type(hint: Any) -> tuple[str, str]:
    """What a field is, and its limits in words."""
    if get_origin(hint) is not Annotated:
        return "", ""
    metas = [each for each in get_args(hint)[1:] if isinstance(each, msgspec.Meta)]
    text = "; ".join(each.description for each in metas if each.description)
    least = [each.ge for each in metas if each.ge is not None]
    above = [each.gt for each in metas if each.gt is not None]
    most = [each.le for each in metas if each.le is not None]
    below = [each.lt for each in metas if each.lt is not None]
    words = [f"{value:,} or more" for value in least if not most]
    words += [f"above {value:,}" for value in above]
    words += [f"{least[0]:,} to {value:,}" if least else f"at most {value:,}" for value in most]
    words += [f"below {value:,}" for value in below]
    return text, ", ".join(words)
