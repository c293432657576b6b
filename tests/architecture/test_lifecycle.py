"""The lifecycle's table as a whole."""

from __future__ import annotations

from host.supervisor.lifecycle import TRANSITIONS, Event, PluginState


def reachable(start: PluginState) -> set[PluginState]:
    """Every state that *start* can lead to, itself included."""
    seen, waiting = {start}, [start]
    while waiting:
        for then in TRANSITIONS[waiting.pop()].values():
            if then not in seen:
                seen.add(then)
                waiting.append(then)
    return seen


def test_every_state_has_its_row_and_can_be_reached():
    assert set(TRANSITIONS) == set(PluginState)
    assert reachable(PluginState.DISCOVERED) == set(PluginState)


def test_every_event_is_used():
    assert {event for row in TRANSITIONS.values() for event in row} == set(Event)


def test_a_stop_is_reached_from_everywhere_and_is_not_the_end():
    for state in PluginState:
        assert PluginState.STOPPED in reachable(state)
        assert PluginState.READY in reachable(state)


def test_wherever_a_stop_is_wanted_there_is_a_way_to_it():
    at_rest = {PluginState.STOPPING, PluginState.STOPPED}
    assert all(Event.STOP_WANTED in TRANSITIONS[state] for state in set(PluginState) - at_rest)


def test_a_process_that_ends_is_news_exactly_where_there_is_one():
    with_process = {
        PluginState.STARTING,
        PluginState.WARMING,
        PluginState.READY,
        PluginState.DEGRADED,
        PluginState.STOPPING,
    }
    assert {state for state, row in TRANSITIONS.items() if Event.PROCESS_EXITED in row} == with_process
