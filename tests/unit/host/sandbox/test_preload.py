"""Which modules a plugin's zygote has loaded, by what the plugin's sources import."""

from __future__ import annotations

import pytest

from host.sandbox.preload import preload_for


@pytest.mark.parametrize(
    ("source", "has", "has_not"),
    [
        ("import json\n", "plugin_sdk", "numpy"),
        ("import numpy as np\n", "numpy", "sklearn.ensemble"),
        ("from numpy.typing import NDArray\n", "numpy", "sklearn.ensemble"),
        (
            "def f():\n    from sklearn.ensemble import RandomForestRegressor\n",
            "sklearn.ensemble",
            "tensorflow",
        ),
        ("# import numpy\ntext = 'import sklearn'\n", "plugin_sdk", "numpy"),
    ],
)
def test_what_is_imported_anywhere_in_its_sources_decides(tmp_path, source, has, has_not):
    (tmp_path / "plugin.py").write_text("import os\n")
    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "other.py").write_text(source)
    found = preload_for(tmp_path)
    assert has in found
    assert has_not not in found


def test_links_and_what_is_no_file_are_not_followed(tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text("import numpy\n")
    folder = tmp_path / "plugin"
    folder.mkdir()
    (folder / "link.py").symlink_to(outside)
    (folder / "folder.py").mkdir()
    assert "numpy" not in preload_for(folder)
