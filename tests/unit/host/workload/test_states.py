"""Saved states: whole or not there, handed back only where they fit, never looked into."""

from __future__ import annotations

import pytest

from host.workload.states import StateStore, fits

CONFIG = {"trees": 40}


@pytest.fixture
def store(tmp_path):
    return StateStore(tmp_path / "states", 1000, 3)


def save(store, data=b"what it knows", version="1.0.0", config=CONFIG, seq=7):
    return store.save("forest", version, fits(version, config, None), data, "own", seq, 5)


def newest(store, version="1.0.0", config=CONFIG):
    state, trouble = store.newest("forest", fits(version, config, None))
    return (state.data if state is not None else None), trouble


def files(tmp_path):
    return sorted(each.name for each in (tmp_path / "states" / "forest").iterdir())


def test_what_was_saved_is_handed_back_as_it_was(store):
    data = bytes(range(256)) + b"\n{}\n"
    info = save(store, data)
    assert (info.version, info.bytes, info.seq) == (1, len(data), 7)
    state, trouble = store.newest("forest", fits("1.0.0", CONFIG, None))
    assert (state.data, state.info, trouble) == (data, info, None)


def test_the_newest_versions_are_kept_and_numbers_are_not_used_again(store, tmp_path):
    for n in range(5):
        save(store, b"%d" % n)
    assert files(tmp_path) == ["00000003.state", "00000004.state", "00000005.state"]
    assert newest(store) == (b"4", None)


@pytest.mark.parametrize(
    "hurt", [lambda d: d[:-3], lambda d: d[:-1] + b"X", lambda d: b"junk", lambda d: b""]
)
def test_a_torn_state_is_set_aside_and_the_one_before_it_is_handed_back(store, tmp_path, hurt):
    save(store, b"good")
    save(store, b"newer")
    path = tmp_path / "states" / "forest" / "00000002.state"
    path.write_bytes(hurt(path.read_bytes()))
    data, trouble = newest(store)
    assert data == b"good"
    assert "state 2 is damaged" in trouble
    assert any(name.startswith("00000002.state.damaged-") for name in files(tmp_path))
    save(store, b"third")
    assert newest(store) == (b"third", None)
    assert "00000003.state" in files(tmp_path)


def test_a_state_of_another_version_or_configuration_is_not_handed_back(store):
    save(store)
    assert newest(store, version="1.0.1")[0] is None
    data, trouble = newest(store, config={"trees": 41})
    assert data is None
    assert "another version, configuration or code" in trouble
    assert newest(store)[0] == b"what it knows"


def test_one_with_which_the_plugin_did_not_come_up_is_not_handed_back_again(store, tmp_path):
    save(store, b"good")
    save(store, b"poison")
    store.distrust("forest", 2, "it crashed")
    assert newest(store)[0] == b"good"
    assert any(".rejected-" in name for name in files(tmp_path))


def test_a_state_over_the_cap_is_not_kept(store):
    with pytest.raises(ValueError, match="at most 1000"):
        save(store, b"x" * 1001)
    assert newest(store) == (None, None)


def test_a_state_that_was_not_finished_is_none(store, tmp_path):
    save(store, b"good")
    (tmp_path / "states" / "forest" / "00000002.part").write_bytes(b"half")
    assert newest(store) == (b"good", None)


def test_a_state_fits_the_code_that_made_it_whatever_lies_beside_it(tmp_path):
    (tmp_path / "plugin.py").write_text("one")
    first = fits("1.0.0", CONFIG, tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "plugin.pyc").write_bytes(b"compiled")
    (tmp_path / ".hidden").write_text("an editor's")
    assert fits("1.0.0", CONFIG, tmp_path) == first
    (tmp_path / "plugin.py").write_text("two")
    assert fits("1.0.0", CONFIG, tmp_path) != first
    assert len({first, fits("1.0.1", CONFIG, tmp_path), fits("1.0.0", {}, tmp_path)}) == 3


def test_to_roll_back_is_to_withdraw_what_came_after_and_to_roll_forth_to_put_it_back(store):
    for n in range(3):
        save(store, b"%d" % n)
    store.roll_back("forest", 1)
    assert newest(store) == (b"0", None)
    assert [(each.version, each.standing) for each in store.every("forest")] == [
        (1, "kept"), (2, "withdrawn"), (3, "withdrawn"),
    ]  # fmt: skip
    assert save(store, b"anew").version == 4, "numbers are not used again"
    assert newest(store) == (b"anew", None)
    store.roll_back("forest", 2)
    assert newest(store) == (b"1", None)
    assert [each.standing for each in store.every("forest")] == ["kept", "kept", "withdrawn", "withdrawn"]


def test_withdrawn_states_do_not_pile_up(store, tmp_path):
    save(store, b"first")
    for n in range(8):
        save(store, b"%d" % n)
        store.roll_back("forest", store.every("forest")[0].version)
    save(store, b"last")
    assert sum("withdrawn" in name for name in files(tmp_path)) <= 3


def test_every_state_is_shown_with_how_it_stands(store, tmp_path):
    save(store, b"torn")
    save(store, b"deadly")
    save(store, b"good")
    path = tmp_path / "states" / "forest" / "00000001.state"
    path.write_bytes(path.read_bytes()[:-1])
    store.distrust("forest", 2, "it ended")
    (tmp_path / "states" / "forest" / "00000004.part").write_bytes(b"half")
    shown = [(each.version, each.standing, each.info is None) for each in store.every("forest")]
    assert shown == [(1, "damaged", True), (2, "rejected", False), (3, "kept", False)]
