"""What the checks found: for people, for machines (JSON), and for CI (JUnit XML)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from xml.sax.saxutils import escape, quoteattr

import msgspec

Status = Literal["passed", "warned", "failed", "skipped"]
_SHOWN = 500  # characters of a message that are quoted
_MARKS: dict[str, str] = {"passed": "ok  ", "warned": "WARN", "failed": "FAIL", "skipped": "skip"}


class Fault(AssertionError):
    """Something the plugin does is wrong, or, as a warning, unwise.

    Attributes:
        sent, got: What it was told, and what came back.
        remedy: What its author can do.
    """

    def __init__(
        self, what: str, *, sent: object = "", got: object = "", remedy: str, warning: bool = False
    ) -> None:
        self.what = what
        self.sent = shown(sent)
        self.got = shown(got)
        self.remedy = remedy
        self.warning = warning
        parts = [what]
        parts += [f"  sent: {self.sent}"] if self.sent else []
        parts += [f"  got: {self.got}"] if self.got else []
        super().__init__("\n".join([*parts, f"  do: {remedy}"]))


class SkipError(Exception):
    """This check says nothing about this plugin; the text says why."""


class Outcome(msgspec.Struct, rename="camel", omit_defaults=True):
    """What one check came to.

    Fields:
        about: What the check tries.
        note: What was seen, also when all is well.
        sent, got, remedy: Of a failure or a warning.
    """

    check: str
    about: str
    status: Status
    took_s: float
    note: str = ""
    sent: str = ""
    got: str = ""
    remedy: str = ""


class Report(msgspec.Struct, rename="camel"):
    """All that was found about one plugin.

    Fields:
        isolation: What held the plugin while it was checked.
    """

    plugin: str
    isolation: str
    outcomes: list[Outcome]

    @property
    def failed(self) -> list[Outcome]:
        """The checks it does not pass."""
        return [each for each in self.outcomes if each.status == "failed"]

    @property
    def warned(self) -> list[Outcome]:
        """The checks it passes, with something to think about."""
        return [each for each in self.outcomes if each.status == "warned"]

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def text(self, *, verbose: bool = False) -> str:
        """For people: one line a check, and what to do about each that is not well."""
        lines = [f"{self.plugin}, {self.isolation}"]
        for each in self.outcomes:
            if each.status == "skipped" and not verbose:
                continue
            note = f"  {each.note}" if each.note and each.status != "failed" else ""
            lines.append(f"  {_MARKS[each.status]} {each.check:22}{note}".rstrip())
            if each.status in ("failed", "warned"):
                lines += [f"       {each.note}"] if each.status == "failed" else []
                for name, value in (("sent", each.sent), ("got", each.got), ("do", each.remedy)):
                    lines += [f"       {name + ':':6}{value}"] if value else []
        counts = [
            f"{len(of)} {name}"
            for name in ("passed", "warned", "failed", "skipped")
            if (of := [each for each in self.outcomes if each.status == name])
        ]
        lines.append(", ".join(counts))
        return "\n".join(lines) + "\n"

    def json(self) -> bytes:
        """For machines."""
        members = {"plugin": self.plugin, "isolation": self.isolation, "ok": self.ok}
        return msgspec.json.encode({**members, "outcomes": self.outcomes})

    def junit(self) -> str:
        """For CI: a test suite, a test case a check."""
        total = sum(each.took_s for each in self.outcomes)
        skipped = sum(each.status == "skipped" for each in self.outcomes)
        cases = "".join(map(self._case, self.outcomes))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<testsuites><testsuite name={quoteattr(f'engine-ops plugin check {self.plugin}')} "
            f'tests="{len(self.outcomes)}" failures="{len(self.failed)}" errors="0" skipped="{skipped}" '
            f'time="{total:.3f}">\n{cases}</testsuite></testsuites>\n'
        )

    def _case(self, each: Outcome) -> str:
        head = f'  <testcase classname={quoteattr(self.plugin)} name={quoteattr(each.check)} time="{each.took_s:.3f}"'
        if each.status == "failed":
            body = "\n".join(
                f"{name}: {value}"
                for name, value in (("sent", each.sent), ("got", each.got), ("do", each.remedy))
            )
            return f"{head}><failure message={quoteattr(_xml(each.note))}>{escape(_xml(body))}</failure></testcase>\n"
        if each.status == "skipped":
            return f"{head}><skipped message={quoteattr(_xml(each.note))}/></testcase>\n"
        said = f"{each.note} {each.remedy}".strip()
        return f"{head}><system-out>{escape(_xml(said))}</system-out></testcase>\n"


def shown(value: object) -> str:
    """A message as it is quoted: printable, on one line, its middle left out when it is long."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    if len(text) > _SHOWN:
        text = f"{text[: _SHOWN - 100]} ...{len(text) - _SHOWN} more... {text[-100:]}"
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _xml(text: str) -> str:
    """Without what XML 1.0 has no place for, escaped or not."""
    return "".join(each for each in text if each in "\t\n\r" or each.isprintable())


def worst(outcomes: Sequence[Outcome]) -> Status:
    """The status that counts for all of them."""
    order: tuple[Status, ...] = ("failed", "warned", "passed", "skipped")
    return next((status for status in order if any(each.status == status for each in outcomes)), "skipped")
