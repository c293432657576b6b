"""What an attack is, and how one is performed. Standard library alone: it runs inside the sandbox, under `-I -S`.

An attack is a function that does what it must not be able to do. It returns what it got, and raises when it was
stopped: `OSError` and `MemoryError` are the kernel's refusals, `Held` is its own finding that nothing came of it.
"""

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    Scene = dict[str, Any]

BEGINS = "ATTACK-BEGINS"
SUCCEEDED = "ATTACK-SUCCEEDED"
LAYERS = ("base", "ids", "namespaces", "mounts", "landlock", "seccomp", "rlimits", "cgroup", "watchdog")
ANYONE, ROOT, NOBODY_CAN = "anyone", "root", "none"


class Held(Exception):
    """It was tried, and nothing came of it."""


class Attack:
    """One row of the table.

    Attributes:
        id: `topic.name`.
        what: The attempt, in a clause.
        stopped_by: Layers that stop it each by itself, whoever runs the host. `base` is what every plan has: closed
            descriptors, a minimal environment, its own session, no capabilities, no new privileges.
        stopped_if_root, stopped_if_not: More of them, where the host is root, or is not.
        judged: `inside`: it knows itself whether it succeeded. `outside`: only the world shows it.
        control: Who can do it without a sandbox: `anyone`, `root`, or `none` with *why_not*.
        machine: What a machine or its user may lack to show it; then it is not shown there.
        alarm: The forbidden system call that ends it and is reported; `foreign` for one of another ABI.
        command_may: What a plugin with `command` is there to do.
    """

    def __init__(self, name: str, run: "Callable[[Scene], str]", **row: "Any") -> None:
        self.id = name
        self.run = run
        self.what = (run.__doc__ or "").strip().splitlines()[0]
        self.stopped_by: frozenset[str] = frozenset(row.pop("stopped_by", "").split())
        self.stopped_if_root: frozenset[str] = frozenset(row.pop("stopped_if_root", "").split())
        self.stopped_if_not: frozenset[str] = frozenset(row.pop("stopped_if_not", "").split())
        self.judged: str = row.pop("judged", "inside")
        self.control: str = row.pop("control", ANYONE)
        self.why_not: str = row.pop("why_not", "")
        self.machine: str = row.pop("machine", "")
        self.alarm: str = row.pop("alarm", "")
        self.command_may: bool = row.pop("command_may", False)
        if row:
            raise TypeError(f"{name}: unknown columns {sorted(row)}")

    def layers(self, as_root: bool) -> "frozenset[str]":
        """The layers that stop it alone, for a host that is root or is not."""
        return self.stopped_by | (self.stopped_if_root if as_root else self.stopped_if_not)


ATTACKS: "dict[str, Attack]" = {}


def attack(name: str, **row: "Any") -> "Callable[[Callable[[Scene], str]], Callable[[Scene], str]]":
    """Puts the function into the table, see `Attack` for the columns."""

    def enter(run: "Callable[[Scene], str]") -> "Callable[[Scene], str]":
        if name in ATTACKS:
            raise TypeError(f"{name} is in the table twice")
        ATTACKS[name] = Attack(name, run, **row)
        return run

    return enter


def perform(name: str, scene: "Scene") -> "dict[str, Any]":
    """Tries one attack; says on stderr that it begins, so that silence is not taken for a failed attempt."""
    say(f"{BEGINS} {name}")
    try:
        detail = ATTACKS[name].run(scene)
    except Held as held:
        return {"attack": name, "succeeded": False, "detail": str(held)}
    except MemoryError:
        return {"attack": name, "succeeded": False, "detail": "MemoryError"}
    except OSError as error:
        code = errno.errorcode.get(error.errno or 0, str(error))
        return {"attack": name, "succeeded": False, "detail": code}
    except Exception as error:
        return {
            "attack": name,
            "succeeded": False,
            "broken": True,
            "detail": f"{type(error).__name__}: {error}",
        }
    return {"attack": name, "succeeded": True, "detail": detail}


def say(text: str) -> None:
    """One line to the log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def success_mark(name: str) -> str:
    """What an attack has another program print that it turned into."""
    return f"{SUCCEEDED} {name}"


def unless(condition: object, why: str) -> None:
    """Raises `Held` unless *condition*."""
    if not condition:
        raise Held(why)


def own_python() -> "tuple[str, dict[str, str]]":
    """The interpreter's real file, and an environment in which a copy of it finds its library."""
    return os.path.realpath(sys.executable), {"PYTHONHOME": sys.base_prefix}


def told(name: str, chosen: "Iterable[str]" = ()) -> "list[str]":
    """Arguments for a Python that prints the success mark."""
    code = f"import os; os.write(2, b'{success_mark(name)}\\n')"
    return ["python", *chosen, "-S", "-c", code]
