"""The lifecycle's page, drawn from its table. `python -m host.supervisor.diagram > docs/reference/states.md`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping

from host.supervisor import lifecycle
from host.supervisor.lifecycle import TRANSITIONS, Event, PluginState

_HEAD = """\
# The states of a plugin

Drawn from the table in `host/supervisor/lifecycle.py` by `python -m host.supervisor.diagram`; a test holds the two
together. `engine-ops plugin show NAME` says which state a plugin is in, since when, and why.

"""


def diagram(table: Mapping[PluginState, Mapping[Event, PluginState]]) -> str:
    """A Mermaid state diagram of *table*, one arrow for all events that lead the same way."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table)).value}"]
    for state, row in table.items():
        ways: dict[PluginState, list[str]] = {}
        for event, then in row.items():
            ways.setdefault(then, []).append(event.value)
        lines += [f"    {state.value} --> {then.value}: {', '.join(why)}" for then, why in ways.items()]
    return "\n".join(lines)


def page() -> str:
    """The whole page."""
    theory = (inspect.getdoc(lifecycle) or "").split("Theory of operation. ")[1]
    rows = "".join(
        f"| `{state.value}` | {'yes' if state.can_be_asked else 'no'} | "
        f"{', '.join(f'`{event.value}`' for event in row)} |\n"
        for state, row in TRANSITIONS.items()
    )
    drawn = f"```mermaid\n{diagram(TRANSITIONS)}\n```\n"
    table = f"| State | Can be asked | Events it knows |\n|---|---|---|\n{rows}"
    return f"{_HEAD}{theory.rpartition(' docs/reference')[0]}\n\n{drawn}\n{table}"


if __name__ == "__main__":
    sys.stdout.write(page())
