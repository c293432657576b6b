"""Makes the folder of a new plugin: small, whole, and such that it passes its own checks at once."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from host.errors import ConfigError
from plugin_sdk.contract.manifest import NAME
from plugin_sdk.contract.manifest_schema import SCHEMA_FILE, manifest_schema

TEMPLATES = ("model", "scorer", "optimizer", "tuner", "command")
_SOURCE = Path(__file__).parent / "templates"
_ENDING = ".in"  # the files are no modules of this package
_WORKFLOW = Path(".github") / "workflows" / "check.yml"


def make_plugin(folder: Path, template: str) -> list[Path]:
    """Writes a plugin's folder; its last part is the plugin's name.

    Returns:
        What was written, relative to the folder.

    Raises:
        ConfigError: The name is none, or the folder is there and not empty.
    """
    name = folder.name
    if not NAME.match(name):
        raise ConfigError(
            f"the plugin's name is {name!r}; give lower-case letters, digits and hyphens, 1 to 63, a letter or digit first"
            f"{_nearest(name)}"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already; give another name, or remove it")
    words = {"@NAME@": name, "@CLASS@": class_name(name), "@TEMPLATE@": template}
    files = {
        path.name.removesuffix(_ENDING): path.read_text(encoding="utf-8")
        for source in ("shared", template)
        for path in sorted((_SOURCE / source).glob(f"*{_ENDING}"))
    }
    files[str(_WORKFLOW)] = (_SOURCE / "shared" / "github" / f"check.yml{_ENDING}").read_text(
        encoding="utf-8"
    )
    files[SCHEMA_FILE] = msgspec.json.format(msgspec.json.encode(manifest_schema()), indent=1).decode() + "\n"
    for file, text in files.items():
        for word, meant in words.items():
            text = text.replace(word, meant)
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(Path(file) for file in files)


def class_name(name: str) -> str:
    """How the class of a plugin of that name is called: `my-first` is `MyFirst`."""
    words = "".join(word.capitalize() for word in name.split("-"))
    return words if words[:1].isalpha() else f"Plugin{words}"


def _nearest(name: str) -> str:
    near = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
    return f", such as {near}" if near else ""
