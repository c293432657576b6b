"""`engine-ops plugin new|check|bench|pack|dev`: an author's folder, without a running host."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from host.cli.show import json_option, print_json, print_rows, printable

if TYPE_CHECKING:
    from host.sandbox.policy import SandboxPolicy
    from plugin_sdk.contract.manifest import Manifest
    from plugin_sdk.testing.conformance import Outcome, Report

EXIT_REFUSED = 3
# host.workbench.new has them; importing it costs.
TEMPLATES = ("model", "scorer", "optimizer", "tuner", "command")
_COLOURS = {"passed": "green", "warned": "yellow", "failed": "red", "skipped": None}

folder_argument: Callable[[Any], Any] = click.argument(
    "folder", metavar="DIR", type=click.Path(path_type=Path), default=Path()
)


def sandbox_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that say how the plugin is held."""
    for option in (
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Where environments of plugins with packages of their own are kept.",
        ),
        click.option(
            "--allow-weak-sandbox",
            is_flag=True,
            help="Run it although this machine cannot hold it fully.",
        ),
        click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE", help="Settings of the operator."
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("folder", metavar="NAME", type=click.Path(path_type=Path))
@click.option(
    "--template",
    type=click.Choice(TEMPLATES),
    default="model",
    show_default=True,
    metavar="|".join(TEMPLATES),
    help="What kind of plugin.",
)
def new(folder: Path, template: str) -> None:
    """Make the folder of a new plugin. It passes `check` as it is."""
    from host.workbench.new import make_plugin

    for path in make_plugin(folder, template):
        click.echo(folder / path)
    click.echo(f"next: engine-ops plugin check {folder}", err=True)


@click.command()
@folder_argument
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML there too.")
@click.option("--strict", is_flag=True, help="A warning is a failure.")
@click.option("--verbose", is_flag=True, help="Show what was skipped, and why.")
@click.option(
    "--calls",
    type=click.IntRange(20, 10_000_000),
    default=10_000,
    show_default=True,
    metavar="N",
    help="Calls over which memory must be bounded.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    default=30.0,
    show_default=True,
    metavar="S",
    help="The longest they may take.",
)
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Write all that was said there."
)
@sandbox_options
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    folder: Path,
    junit: Path | None,
    strict: bool,
    verbose: bool,
    calls: int,
    seconds: float,
    record: Path | None,
    config: Path | None,
    allow_weak_sandbox: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Try a plugin, in any language, on everything that every plugin must do."""
    from host.workbench.check import CheckOptions, check_folder
    from host.workbench.recording import recording

    def told(outcome: Outcome) -> None:
        if not as_json and (verbose or outcome.status != "skipped"):
            _show(outcome)

    options = CheckOptions(calls=calls, seconds=seconds, data=data)
    with recording(record) as wrap:
        report = or_refused(
            ctx, lambda: check_folder(folder, policy_of(config, allow_weak_sandbox), options, told, wrap)
        )
    if as_json:
        click.echo(report.json().decode())
    else:
        _summary(report)
    if junit is not None:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_text(report.junit(), encoding="utf-8")
    ctx.exit(0 if report.ok and not (strict and report.warned) else EXIT_REFUSED)


def policy_of(config: Path | None, allow_weak_sandbox: bool) -> SandboxPolicy:
    """How plugins are held: as the operator says."""
    from dataclasses import replace

    from host.config import load_config

    policy = load_config(config).sandbox
    if allow_weak_sandbox and policy.isolation == "require":
        policy = replace(policy, isolation="best-effort")
    return policy


def or_refused(ctx: click.Context, work: Callable[[], Any]) -> Any:
    """What *work* gives; exit code 3 where this machine, or the sandbox, refuses the plugin, or it does not do as it must."""
    from host.workbench.refusals import REFUSALS

    try:
        return work()
    except REFUSALS as error:
        click.echo(f"Error: {printable(str(error))}", err=True)
        return ctx.exit(EXIT_REFUSED)


def _manifest_of(ctx: click.Context, folder: Path) -> Manifest:
    """What the folder says it is; exit code 3 where no host could use it."""
    from host.workbench.check import read_folder

    manifest = read_folder(folder)
    if isinstance(manifest, str):
        click.echo(f"Error: {printable(manifest)}", err=True)
        ctx.exit(EXIT_REFUSED)
    return manifest


def _show(outcome: Outcome) -> None:
    mark = {"passed": "ok  ", "warned": "WARN", "failed": "FAIL", "skipped": "skip"}[outcome.status]
    note = outcome.note if outcome.status != "failed" else ""
    click.echo(
        f"{click.style(mark, fg=_COLOURS[outcome.status])} {outcome.check:24} {printable(note)}".rstrip()
    )
    if outcome.status not in ("failed", "warned"):
        return
    if outcome.status == "failed":
        click.echo(f"     {printable(outcome.note)}")
    for name, value in (("sent", outcome.sent), ("got", outcome.got), ("do", outcome.remedy)):
        if value:
            click.echo(f"     {name + ':':6}{printable(value)}")


def _summary(report: Report) -> None:
    counts = [
        f"{count} {status}"
        for status in _COLOURS
        if (count := sum(each.status == status for each in report.outcomes))
    ]
    click.echo(f"{printable(report.plugin)}, {report.isolation}: {', '.join(counts)}")


@click.command()
@folder_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("dist"),
    show_default=True,
    metavar="DIR",
    help="Where the bundle goes.",
)
@json_option
@click.pass_context
def pack(ctx: click.Context, folder: Path, out: Path, as_json: bool) -> None:
    """Make one file of a plugin's folder, the same each time, with a hash of every file."""
    import msgspec

    from host.workbench.pack import pack as packed

    manifest = _manifest_of(ctx, folder)
    bundle = packed(manifest, folder, out)
    if as_json:
        print_json(msgspec.to_builtins(bundle), one_line=True)
    else:
        click.echo(f"{bundle.path}\t{bundle.bytes} bytes\tsha256 {bundle.sha256}")


@click.command()
@folder_argument
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600),
    default=2.0,
    show_default=True,
    metavar="S",
    help="About how long each figure is measured.",
)
@sandbox_options
@json_option
@click.pass_context
def bench(
    ctx: click.Context,
    folder: Path,
    seconds: float,
    config: Path | None,
    allow_weak_sandbox: bool,
    data: Path | None,
    as_json: bool,
) -> None:
    """Measure a plugin, in its sandbox, beside one that only echoes."""
    import msgspec

    from host.workbench.measure import measure

    manifest = _manifest_of(ctx, folder)
    policy = policy_of(config, allow_weak_sandbox)
    found = or_refused(ctx, lambda: measure(manifest, folder, policy, seconds, data))
    if as_json:
        print_json(msgspec.to_builtins(found), one_line=True)
        return
    rows: list[tuple[object, ...]] = []
    for name, value in msgspec.to_builtins(found.plugin).items():
        floor = getattr(found.echo, _snake(name))
        if name == "name" or value is None:
            continue
        ratio = f"{value / floor:.2f}" if floor else "-"
        rows.append((name, value, floor, ratio))
    print_rows(("", found.plugin.name, "echo", "ratio"), rows)
    click.echo(f"{found.isolation}; {len(found.questions)} questions in turn", err=True)


@click.command()
@folder_argument
@click.option("--once", is_flag=True, help="One round, then end: exit code 1 when something was not well.")
@click.option(
    "--replay", type=click.Path(path_type=Path), metavar="FILE", help="Say what was recorded there."
)
@click.option(
    "--process",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Which process of the recording; without it, the one to which most was said.",
)
@click.option(
    "--record", type=click.Path(path_type=Path), metavar="FILE", help="Write all that is said there."
)
@sandbox_options
@click.pass_context
def dev(
    ctx: click.Context,
    folder: Path,
    once: bool,
    replay: Path | None,
    process: int,
    record: Path | None,
    config: Path | None,
    allow_weak_sandbox: bool,
    data: Path | None,
) -> None:
    """Run a plugin alone and ask it; again when its folder changes."""
    from host.workbench.dev import DevOptions, rounds
    from host.workbench.recording import read_recording, recording

    entries = None if replay is None else read_recording(replay)
    policy = policy_of(config, allow_weak_sandbox)
    with recording(record) as wrap:
        turns = rounds(
            folder, policy, DevOptions(entries, process), lambda line: click.echo(line), wrap, data
        )
        try:
            good = or_refused(ctx, lambda: next(turns))
            while not once:
                good = or_refused(ctx, lambda: next(turns))
        except KeyboardInterrupt:
            good = True
    ctx.exit(0 if good else 1)


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
