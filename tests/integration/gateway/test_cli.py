"""The commands that talk to a running host, against a real server."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from host.cli.main import cli

OPTIMIZE = json.dumps({"id": "r1", "type": "scheduling", "data": {"result": {"nodeId": "n1"}}})


async def run(served: Any, *args: str, stdin: str | None = None) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, cli, [*args, "--url", served.url], input=stdin)


async def test_call_prints_the_result_as_one_line_of_json(served: Any, tmp_path: Any) -> None:
    file = tmp_path / "request.json"
    file.write_text(OPTIMIZE)
    for given, stdin in ((OPTIMIZE, None), ("-", OPTIMIZE), (f"@{file}", None)):
        result = await run(served, "call", "engine.optimize", given, stdin=stdin)
        assert (result.exit_code, result.stderr, result.stdout.count("\n")) == (0, "", 1)
        assert json.loads(result.stdout)["result"] == {"nodeId": "n1"}


async def test_call_prints_the_error_object_on_stderr_and_exits_1(served: Any) -> None:
    result = await run(served, "call", "plugins.get", '{"name": "forrest"}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert json.loads(result.stderr)["data"]["hint"] == "did you mean 'forest'?"


async def test_call_gives_up_on_a_silent_host_with_exit_code_4(served: Any) -> None:
    request = json.dumps({"id": "r1", "type": "scheduling", "data": {"do": "hang"}})
    result = await run(served, "call", "engine.optimize", request, "--timeout", "0.2")
    assert (result.exit_code, "kept silent for 0.2 s" in result.stderr) == (4, True)


async def test_call_says_so_when_something_else_answers(served: Any) -> None:
    result = await asyncio.to_thread(
        CliRunner().invoke, cli, ["call", "host.info", "--url", f"{served.url}/elsewhere"]
    )
    assert (result.exit_code, "is no engine-ops host (HTTP status 404)" in result.stderr) == (1, True)


async def test_plugin_list_is_tab_separated_or_json(served: Any) -> None:
    plain = await run(served, "plugin", "list")
    head, row = (line.split("\t") for line in plain.stdout.splitlines())
    shown = dict(zip(head, row, strict=True))
    assert (shown["name"], shown["state"], shown["prio"], shown["MiB"]) == (
        "forest",
        "ready",
        "10",
        "48",
    )
    whole = await run(served, "plugin", "list", "--json")
    assert json.loads(whole.stdout)["count"] == 1


@pytest.mark.parametrize("order", ["enable", "restart"])
async def test_an_order_to_start_says_so_when_the_plugin_is_down_all_the_same(
    served: Any, order: str
) -> None:
    fine = await run(served, "plugin", order, "forest")
    assert (fine.exit_code, fine.stderr) == (0, "")
    served.host.view |= {"state": "quarantined", "stateWhy": "it does not import"}
    down = await run(served, "plugin", order, "forest")
    assert (down.exit_code, down.stdout) == (0, fine.stdout)
    assert down.stderr == "forest is quarantined: it does not import\n"


async def test_plugin_show_is_one_line_a_member(served: Any) -> None:
    result = await run(served, "plugin", "show", "forest")
    assert "state\tready" in result.stdout.splitlines()


@pytest.mark.parametrize("what", ["enable", "disable", "restart"])
async def test_a_plugin_is_switched(served: Any, what: str) -> None:
    result = await run(served, "plugin", what, "forest")
    assert (result.exit_code, result.stdout.startswith("forest: Plugin ")) == (0, True)
    assert served.host.changes == [(what, "forest")]


async def test_saved_states_are_listed_with_which_comes_next(served: Any) -> None:
    result = await run(served, "plugin", "states", "forest")
    head, newest, older = (line.split("\t") for line in result.stdout.splitlines())
    assert head[:3] == ["version", "standing", "next"]
    assert (newest[:3], older[:3]) == (["2", "kept", "yes"], ["1", "damaged", "-"])
    whole = await run(served, "plugin", "states", "forest", "--json")
    assert json.loads(whole.stdout)["states"][0]["seq"] == 7


async def test_a_plugin_is_rolled_back_to_the_state_that_is_named(served: Any) -> None:
    result = await run(served, "plugin", "rollback", "forest", "--to", "3")
    assert (result.exit_code, result.stdout) == (0, "forest: Plugin rolled back to state 3\n")
    assert served.host.changes == [("roll_back", "forest")]


async def test_an_unknown_plugin_is_one_line_with_the_hint(served: Any) -> None:
    result = await run(served, "plugin", "show", "forrest")
    assert result.exit_code == 1
    assert result.stderr == "Error: no plugin is called 'forrest' (did you mean 'forest'?)\n"


async def test_what_a_plugin_logged_cannot_colour_the_terminal(served: Any) -> None:
    result = await run(served, "plugin", "logs", "forest")
    assert result.stdout == "one\n\\x1b[31mtwo\n"


async def test_workload_stats_ends_with_the_sum(served: Any) -> None:
    result = await run(served, "workload", "stats")
    assert result.stdout.splitlines()[-1] == "all\t0\t1\t2.5\t-\t-\t-"  # the double tells no quantiles


async def test_a_reader_that_goes_away_is_no_traceback(served: Any) -> None:
    command = f"{sys.executable} -m host.cli.main plugin list --url {served.url} | true"
    process = await asyncio.create_subprocess_shell(command, stderr=asyncio.subprocess.PIPE)
    async with asyncio.timeout(20):
        _, stderr = await process.communicate()
    assert b"Traceback" not in stderr
