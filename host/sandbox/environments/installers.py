"""What is run to make an environment: uv where it is installed, else venv and pip. Pure: arguments, no process."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

Argv = tuple[str, ...]


@dataclass(frozen=True)
class EnvironmentPolicy:
    """How plugins' own Python packages are installed.

    Attributes:
        index_url: Instead of the installer's own default, which is PyPI or what its configuration file says.
        find_links: A folder of wheels that is looked into besides.
        build_timeout_s: For one environment.
        memory_bytes: For each step of it, as private writable memory.
    """

    index_url: str = ""
    find_links: str = ""
    build_timeout_s: float = 600.0
    memory_bytes: int = 2 * 2**30

    def absolute(self) -> EnvironmentPolicy:
        """The same, from whatever folder an installer is run."""
        if not self.find_links or "://" in self.find_links:
            return self
        return replace(self, find_links=str(Path(self.find_links).absolute()))


@dataclass(frozen=True)
class Place:
    """Where one environment is made.

    Attributes:
        root: The virtual environment.
        final: Where it will be.
        packages: Its site-packages.
        cache: Of downloads, shared by all.
    """

    root: Path
    final: Path
    packages: Path
    cache: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.root / "bin" / "python"


def steps(uv: str | None, policy: EnvironmentPolicy, place: Place, asked: Sequence[str]) -> list[Argv]:
    """The programs to run, one after the other.

    Nothing here starts the new interpreter once packages are in it: a `.pth` file of theirs would be run.

    Args:
        uv: Its path, or `None`.
        asked: Requirements, checked.
    """
    install: Argv
    make: Argv
    index = [*(["--index-url", policy.index_url] if policy.index_url else [])]
    index += ["--find-links", policy.find_links] if policy.find_links else []
    if uv is not None:
        shared = ("--quiet", "--no-progress", "--cache-dir", str(place.cache / "uv"))
        make = (uv, "venv", *shared, "--no-python-downloads", "--python", sys.executable, str(place.root))
        there = ("--python", str(place.python), "--no-build", "--link-mode", "copy")
        install = (uv, "pip", "install", *shared, *there, *index, "--", *asked)
    else:
        make = (sys.executable, "-I", "-B", "-m", "venv", "--without-pip", "--symlinks", str(place.root))
        quiet = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-warn-script-location")
        wheels = ("--only-binary", ":all:", "--no-compile", "--cache-dir", str(place.cache / "pip"))
        into = ("--target", str(place.packages))
        install = (
            sys.executable,
            "-I",
            "-B",
            "-m",
            "pip",
            "install",
            *quiet,
            *wheels,
            *into,
            *index,
            "--",
            *asked,
        )
    # -S, since a .pth file may be among what is compiled; -s and -p, so that tracebacks name the final place.
    names = ("-s", str(place.root), "-p", str(place.final))
    compile_all = (sys.executable, "-I", "-S", "-m", "compileall", "-qq", *names, str(place.packages))
    return [make, install, compile_all]


def installers_environment(
    home: Path, temporary: Path, uv: str | None, given: Mapping[str, str]
) -> dict[str, str]:
    """Every variable that an installer sees. Nothing of the host's own, but where certificates lie.

    Args:
        home: Where the installer's own configuration file is looked for.
        given: The host's.
    """
    passed = {name: given[name] for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if name in given}
    path = "/usr/local/bin:/usr/bin:/bin"
    return {
        "PATH": f"{Path(uv).parent}:{path}" if uv else path,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "LANG": "C.UTF-8",
        **passed,
    }
