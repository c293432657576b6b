"""A plugin with Python packages of its own, from its folder to its first answer."""

from __future__ import annotations

import io
import zipfile

PLUGIN = """
import sys
import tool

class Plugin:
    def predict(self, input):
        try:
            import click
        except ImportError:
            click = None
        return {"what": tool.WHAT, "prefix": sys.prefix, "host": click is not None}
"""
GOOD = "class Plugin:\n    def predict(self, input):\n        return 1\n"
ASKS = '[dependencies]\npython = ["tool @ file:tool-1.0-py3-none-any.whl"]\n'


def wheel_bytes(code: str = "WHAT = 'its own'\n") -> bytes:
    """A wheel `tool` with one module; the same bytes each time."""
    info, held = "tool-1.0.dist-info", io.BytesIO()
    files = {
        "tool.py": code,
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"tool.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return held.getvalue()


def write(folders, name: str, wheel: bytes | None = None):
    folder = folders.write(name, PLUGIN, manifest=ASKS)
    (folder / "tool-1.0-py3-none-any.whl").write_bytes(wheel_bytes() if wheel is None else wheel)
    return folder


async def test_it_answers_from_an_environment_of_its_own_that_two_share(folders, start_rig, tmp_path):
    write(folders, "first")
    write(folders, "second")
    async with start_rig(folders.directory) as rig:
        answers = [
            (await rig.ask(name, "predict", {"input": 1}))["prediction"] for name in ("first", "second")
        ]
        assert [each["what"] for each in answers] == ["its own", "its own"], rig.view("first").story
        assert answers[0]["prefix"] == answers[1]["prefix"]
        assert answers[0]["prefix"].startswith(str(tmp_path / "environments"))
        assert not answers[0]["host"], "the host's own packages are not there"


async def test_a_build_that_fails_is_a_refusal_and_not_tried_again_and_again(folders, start_rig):
    write(folders, "hopeless", b"no wheel")
    folders.write("good", GOOD)
    async with start_rig(folders.directory) as rig:
        view = rig.view("hopeless")
        assert (view.state, view.epoch, view.restarts) == ("quarantined", 0, 0)
        assert "is no wheel" in view.state_why
        assert "build it with" in view.state_why
        assert (await rig.ask("good", "predict", {"input": 1}))["prediction"] == 1


async def test_others_are_started_and_asked_while_an_environment_is_made(folders, start_rig, eventually):
    write(folders, "slow")
    folders.write("quick", GOOD)
    async with start_rig(folders.directory, settled=False) as rig:
        await eventually(lambda: rig.state("quick") == "ready")
        assert rig.state("slow") == "verifying"
        assert (await rig.ask("quick", "predict", {"input": 1}))["prediction"] == 1
        await eventually(lambda: rig.state("slow") == "ready", within_s=60)


async def test_it_can_be_disabled_and_enabled_while_its_environment_is_made(folders, start_rig, eventually):
    write(folders, "slow")
    async with start_rig(folders.directory, settled=False) as rig:
        keeper = rig.registry.get("slow").keeper
        await eventually(lambda: rig.state("slow") == "verifying")
        await keeper.disable()
        assert rig.state("slow") == "stopped"
        await keeper.enable()
        assert rig.state("slow") == "ready", rig.view("slow").story


async def test_a_restart_meanwhile_is_no_new_life_but_the_same_wait(folders, start_rig, eventually):
    write(folders, "slow")
    async with start_rig(folders.directory, settled=False) as rig:
        await eventually(lambda: rig.state("slow") == "verifying")
        await rig.registry.get("slow").keeper.restart()
        assert rig.state("slow") == "ready", rig.view("slow").story
        assert rig.view("slow").restarts == 0


async def test_a_host_that_stops_does_not_wait_for_a_build(folders, start_rig, eventually, tmp_path):
    write(folders, "slow")
    async with start_rig(folders.directory, settled=False) as rig:
        await eventually(lambda: rig.state("slow") == "verifying")
    left = [each for each in (tmp_path / "environments").glob("*") if each.name != ".cache"]
    assert left == []


async def test_a_command_with_packages_is_refused_and_told_why(folders, start_rig):
    folders.write("both", manifest=f'command = ["/bin/true"]\n{ASKS}')
    async with start_rig(folders.directory) as rig:
        assert rig.state("both") == "quarantined"
        assert "command" in rig.view("both").state_why
