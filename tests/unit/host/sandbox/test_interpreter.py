"""Where an interpreter's files are."""

from __future__ import annotations

import sys
from pathlib import Path

from host.sandbox.interpreter import readable_folders, this_interpreter


def test_a_folder_below_another_is_left_out(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert readable_folders(str(tmp_path / "a" / "b"), str(tmp_path / "a")) == (str(tmp_path / "a"),)


def test_a_link_and_where_it_leads_are_both_there(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert set(readable_folders(str(tmp_path / "link"))) == {str(tmp_path / "link"), str(tmp_path / "real")}


def test_this_interpreters_program_and_the_sdk_lie_in_its_folders_and_the_host_does_not():
    import host
    import plugin_sdk.contract

    folders = [Path(each) for each in this_interpreter().folders]

    def readable(path):
        return any(Path(path).resolve().is_relative_to(each) for each in folders)

    assert readable(sys.executable)
    assert readable(plugin_sdk.contract.__file__)
    assert readable(sys.modules["json"].__file__)
    in_site_packages = "site-packages" in str(host.__file__)
    assert readable(host.__file__) == in_site_packages
