"""The reference pages say what the code has: no less, no more, and the same defaults."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from host.cli.main import cli
from host.config import HostConfig
from host.demo.options import DemoOptions
from host.gateway.config import GatewayConfig
from host.gateway.envelope import EnvelopeLimits
from host.gateway.http import FRONT, make_app
from host.gateway.methods.table import method_table
from host.gateway.problem import status_of
from host.gateway.streams.event import TOPICS
from host.gateway.traffic import Traffic
from host.layering import NOT_SETTINGS, PREFIX, variable_names
from host.registry.entry import Settings
from host.sandbox.machine import TIERS
from host.sandbox.policy import ISOLATION
from host.solvers.builtins import BUILT_INS, ONLY_NAMED
from plugin_sdk.contract.answers import Answer, Candidate
from plugin_sdk.contract.errors import ErrorCode, ErrorData
from plugin_sdk.contract.manifest import Limits, ManifestError, parse_manifest
from plugin_sdk.contract.problems.request import OptimizeRequest
from plugin_sdk.contract.workload import WorkloadDataPoint

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next of its rank or above."""
    rank = len(heading) - len(heading.lstrip("#"))
    found = re.search(rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{rank}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no heading {heading!r}"
    return found.group(1)


def rows(text: str) -> list[list[str]]:
    """The cells of every table in *text*, heads and rules left out."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rules = {at for at, line in enumerate(lines) if re.fullmatch(r"[|-]+", line)}
    body = (line for at, line in enumerate(lines) if at not in rules and at + 1 not in rules)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body]


def names(cell: str) -> list[str]:
    """The `names` in a cell."""
    return re.findall(r"`([^`]+)`", cell)


# cli.md


def commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


COMMANDS = dict(commands(cli, "engine-ops"))


def test_every_command_has_a_heading_and_every_heading_a_command() -> None:
    assert set(re.findall(r"^#+ `(.+)`$", page("cli"), re.MULTILINE)) == set(COMMANDS)


def asking(command: click.Command) -> set[str]:
    return {name for option in command.params for name in option.opts if name.startswith("--")}


SHARED = asking(COMMANDS["engine-ops call"])


@pytest.mark.parametrize(
    "path", [path for path, each in COMMANDS.items() if not isinstance(each, click.Group)]
)
def test_every_option_is_in_its_commands_table_and_no_other(path: str) -> None:
    rank = "##" if len(path.split()) == 2 else "###"
    text = section(page("cli"), f"{rank} `{path}`")
    said = {names(row[0])[0].split()[0] for row in rows(text) if names(row[0])}
    own = asking(COMMANDS[path])
    shares = own >= SHARED and path != "engine-ops call"
    assert said == (own - SHARED if shares else own)


def test_defaults_of_the_command_line_are_the_codes() -> None:
    demo = section(page("cli"), "## `engine-ops demo`")
    for name in ("jobs", "seed", "seconds"):
        row = next(row for row in rows(demo) if f"--{name} " in row[0])
        said = re.findall(r"\(([\d,]+)\)", row[1])
        assert [float(each.replace(",", "")) for each in said] == [getattr(DemoOptions(), name)]


# http.md


def test_every_method_has_a_heading_and_every_heading_a_method() -> None:
    text = section(page("http"), "## Methods")
    assert set(re.findall(r"^### `(.+)`$", text, re.MULTILINE)) == set(method_table(Traffic()))


@pytest.mark.parametrize("method", method_table(Traffic()))
def test_every_method_has_an_example(method: str) -> None:
    assert f'"method": "{method}"' in page("http")


def test_every_route_is_in_the_table_and_every_row_is_a_route() -> None:
    app = make_app(object())  # type: ignore[arg-type]  # nobody is asked
    routes = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    text = section(page("http"), "## REST")
    assert {names(row[0])[0] for row in rows(text)} == routes


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (OptimizeRequest, "### `engine.optimize`"),
        (Answer, "### `engine.optimize`"),
        (Candidate, "### `engine.optimize`"),
        (WorkloadDataPoint, "### `workload.record`"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_every_member_is_where_its_method_is(kind: Any, heading: str) -> None:
    text = section(page("http"), heading)
    for field in msgspec.structs.fields(kind):
        if not field.encode_name.startswith("_"):
            assert re.search(rf"`[^`\n]*\b{field.encode_name}\b", text), field.encode_name


def test_every_built_in_is_named() -> None:
    for each in (built_in for kind in (*BUILT_INS.values(), *ONLY_NAMED.values()) for built_in in kind):
        assert f"`{each.name}`" in section(page("http"), "## Requests by type")


def test_the_limits_of_bodies_are_the_codes() -> None:
    limits, text = EnvelopeLimits(), section(page("http"), "## Bodies")
    assert f"{limits.max_bytes // 2**20} MiB" in text
    assert f"{limits.max_depth} levels" in text
    assert f"{limits.max_batch:,} calls" in text
    assert f"up to {GatewayConfig().batch_concurrency} of its calls" in text


def test_every_topic_is_in_the_table_of_events() -> None:
    assert tuple(names(row[0])[0] for row in rows(section(page("http"), "## Events"))) == TOPICS


# metrics.md


class Quiet:
    """A host with nothing to say."""

    def ready(self) -> tuple[bool, list[str]]:
        return True, []

    def plugins(self) -> list[object]:
        return []

    def cache_statistics(self) -> dict[str, int]:
        return {}

    def host_info(self) -> dict[str, object]:
        return {}


def test_every_figure_is_on_the_page_and_no_other() -> None:
    front = make_app(Quiet())[FRONT]  # type: ignore[arg-type]
    families = [each for each in front.figures.registry.collect() if each.name.startswith("engine_ops_")]
    text = page("metrics")
    said = {names(row[0])[0].partition("{")[0]: row for row in rows(text) if names(row[0])}
    # As they are scraped: a counter ends in `_total`.
    has = {f"{each.name}_total" if each.type == "counter" else each.name for each in families}
    assert set(said) == has


# manifest.md

MANIFEST = {
    "plugin": {
        "name",
        "version",
        "description",
        "author",
        "handles",
        "entry",
        "command",
        "protocol",
        "priority",
    },
    "limits": {"memory", "cpu", "threads", "scratch", "start_timeout", "call_timeout", "train_timeout"},
    "dependencies": {"python"},
}


def refusal(text: str) -> str:
    with pytest.raises(ManifestError) as found:
        parse_manifest(text.encode())
    return str(found.value)


@pytest.mark.parametrize("table", MANIFEST)
def test_every_key_of_a_manifest_is_in_its_table(table: str) -> None:
    text = section(page("manifest"), f"## `[{table}]`")
    assert {name for row in rows(text) for name in names(row[0])} == MANIFEST[table]


@pytest.mark.parametrize("table", MANIFEST)
def test_the_keys_above_are_those_that_the_reader_knows(table: str) -> None:
    head = (
        ""
        if table == "plugin"
        else '[plugin]\nname = "a"\nversion = "1.0.0"\nhandles = ["resource"]\nentry = "a:B"\n'
    )
    said = refusal(f"{head}[{table}]\nzzz = 1\n")
    known = said.partition("give only the keys ")[2].partition(";")[0].split(", ")
    assert set(known) == MANIFEST[table]


def test_a_manifest_has_the_tables_of_the_page() -> None:
    said = refusal("[zzz]\n")
    tables = said.partition("give only the keys ")[2].partition(";")[0].split(", ")
    assert set(re.findall(r"^## `\[(\w+)\]`$", page("manifest"), re.MULTILINE)) == set(tables)


def test_the_limits_of_a_manifest_that_says_none_are_those_of_the_page() -> None:
    said = {names(row[0])[0]: row[2] for row in rows(section(page("manifest"), "## `[limits]`"))}
    numbers = {"cpu", "threads"}
    written = "".join(
        f"{name} = {value if name in numbers else repr(value)}\n" for name, value in said.items()
    )
    head = '[plugin]\nname = "a"\nversion = "1.0.0"\nhandles = ["resource"]\nentry = "a:B"\n'
    assert parse_manifest(f"{head}[limits]\n{written}".encode()).limits == Limits()
    assert parse_manifest(head.encode()).limits == Limits()


# configuration.md

ROOMS = [each.name for each in fields(HostConfig) if each.name != "plugins"]


@pytest.mark.parametrize("room", ROOMS)
def test_every_setting_is_on_the_page_with_its_default(room: str) -> None:
    text = section(page("configuration"), f"## `[{room}]`")
    said = {names(row[0])[0]: row[1] for row in rows(text)}
    has = getattr(HostConfig(), room)
    # As the file would say it: texts in quotes.
    assert said == {each.name: json.dumps(getattr(has, each.name)) for each in fields(has)}


def test_the_words_to_choose_from_are_on_the_page() -> None:
    text = section(page("configuration"), "## `[sandbox]`")
    said = {names(row[0])[0]: names(row[2]) for row in rows(text)}
    assert said["isolation"] == [f'"{each}"' for each in ISOLATION]
    assert said["min_tier"] == [f'"{each}"' for each in TIERS]


def test_the_page_has_no_other_tables() -> None:
    said = re.findall(r"^## `\[(.+)\]`$", page("configuration"), re.MULTILINE)
    assert said == [*ROOMS, "plugins.NAME"]


def test_every_setting_of_one_plugin_is_on_the_page() -> None:
    text = section(page("configuration"), "## `[plugins.NAME]`")
    assert {names(row[0])[0] for row in rows(text)} == set(Settings.__struct_fields__)


def test_every_variable_of_the_environment_is_on_the_page() -> None:
    said = {
        names(row[0])[0]: names(row[1])
        for row in rows(section(page("configuration"), "## Variables of the environment"))
    }
    of_others = {f"{PREFIX}{each}" for each in NOT_SETTINGS}
    assert {name for name in said if name not in of_others} == set(variable_names())
    assert of_others <= said.keys()
    for name, (table, key, _) in variable_names().items():
        assert said[name] == [f"{table}.{key}"]


# errors.md


def test_the_table_of_errors_is_the_vocabulary() -> None:
    said = [row for row in rows(page("errors")) if row[0].startswith("-32")]
    assert [(int(row[0]), names(row[1])[0]) for row in said] == [(int(code), code.kind) for code in ErrorCode]


def test_the_status_of_an_error_is_the_codes() -> None:
    for row in rows(page("errors")):
        if row[0].startswith("-32") and row[3] != "-":
            assert int(row[3]) == status_of(ErrorCode(int(row[0]))), row


def test_every_member_of_an_errors_data_is_on_the_page() -> None:
    said = {names(row[0])[0] for row in rows(page("errors")) if names(row[0])}
    assert said == {field.encode_name for field in msgspec.structs.fields(ErrorData)}


# glossary.md


def test_the_glossary_is_in_the_order_of_the_alphabet() -> None:
    words = [row[0] for row in rows(page("glossary"))]
    assert words == sorted(words, key=str.casefold)
    assert len(words) > 30
