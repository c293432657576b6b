"""What a plugin's root holds, and that the rules say the same."""

from __future__ import annotations

from pathlib import Path

from host.sandbox.root import PLUGIN_FOLDER, SCRATCH, SHM, RootFolder, mounts, rules, rules_without_root


def planned(read=("/opt/python",), system=False, proc=True):
    root = RootFolder(Path("/srv/plugins/one"), read, system, 1000, 10, 500)
    return mounts(root, inside_uid=1000, inside_gid=1000, proc=proc), root


def targets(plan):
    return [target for _, target, _, _ in plan["binds"]]


def test_the_plugins_folder_is_at_a_fixed_place_and_its_path_on_the_machine_is_not_there():
    plan, _ = planned()
    assert ("/srv/plugins/one", PLUGIN_FOLDER, "ro", False) in plan["binds"]
    assert not any(target.startswith("/srv") for target in targets(plan))


def test_nothing_is_bound_to_be_written_to():
    plan, _ = planned(system=True)
    assert {kind for _, _, kind, _ in plan["binds"]} == {"ro", "data", "device"}
    assert [path for path, _ in plan["tmpfs"]] == [SCRATCH, SHM]
    assert "size=1000,nr_inodes=10" in plan["tmpfs"][0][1]


def test_programs_of_the_system_are_there_for_commands_alone():
    without, _ = planned()
    assert "/usr" not in targets(without)
    assert not any(path in ("/bin", "/sbin") for _, path in without["links"])
    whole, _ = planned(system=True)
    assert "/usr" in targets(whole)


def test_a_folder_below_another_is_bound_once():
    plan, _ = planned(read=("/usr", "/opt/python", "/opt/python/lib"), system=False)
    assert targets(plan).count("/usr") == 1
    assert not any(target.startswith("/usr/") for target in targets(plan))
    assert "/opt/python/lib" not in targets(plan)


def test_tmp_is_the_scratch_folder_unless_an_interpreter_lies_below_it():
    plan, _ = planned()
    assert ("scratch", "/tmp") in plan["links"]
    plan, _ = planned(read=("/tmp/venv",))
    assert not any(path == "/tmp" for _, path in plan["links"])
    assert "/tmp" in plan["dirs"]


def test_landlocks_rules_allow_what_is_mounted_and_writing_to_the_two_tmpfs_alone():
    plan, _ = planned()
    found = dict(rules(plan))
    assert set(targets(plan)) <= set(found)
    assert {path for path, kind in found.items() if kind == "write"} == {SCRATCH, SHM}
    assert found["/proc"] == "read"
    without_proc, _ = planned(proc=False)
    assert "/proc" not in dict(rules(without_proc))


def test_on_the_machines_own_root_the_rules_are_all_there_is():
    _, root = planned()
    found = dict(rules_without_root(root, Path("/data/scratch/one")))
    assert found["/srv/plugins/one"] == "run"
    assert {path for path, kind in found.items() if kind == "write"} == {"/data/scratch/one"}
    assert not {"/", "/etc", "/home", "/root", "/proc", "/usr"} & set(found)
