from __future__ import annotations

import subprocess
import sys

import pytest

import plugin_sdk


def test_importing_the_sdk_imports_neither_numpy_nor_the_host_nor_the_models() -> None:
    code = (
        "import sys, plugin_sdk\n"
        "print([m for m in ('numpy', 'host', 'asyncio', 'inspect', 'plugin_sdk.model') if m in sys.modules])\n"
        "from plugin_sdk import BaseMLModel, WorkloadDataset, MLPluginInterface\n"
        "print([m for m in ('numpy', 'host') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.parametrize("name", plugin_sdk.__all__)
def test_every_promised_name_is_there(name: str) -> None:
    assert getattr(plugin_sdk, name) is not None
    assert name in dir(plugin_sdk)


def test_a_name_that_is_not_there_says_which_are() -> None:
    with pytest.raises(AttributeError, match=r"has no attribute 'BaseModel'; it has .*BaseMLModel"):
        plugin_sdk.BaseModel  # type: ignore[attr-defined]  # noqa: B018
