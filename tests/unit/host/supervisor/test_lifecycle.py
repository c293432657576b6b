"""The lifecycle's table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.supervisor.lifecycle import TRANSITIONS, Event, IllegalTransitionError, PluginState, after

STATES = st.sampled_from(list(PluginState))
EVENTS = st.sampled_from(list(Event))


@given(STATES, EVENTS)
@pytest.mark.fault("life-any-events")
def test_a_step_is_the_tables_or_an_error_that_names_both(state, event):
    if event in TRANSITIONS[state]:
        assert after(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalTransitionError, match=f"{event.value} cannot happen .* is {state.value}"):
            after(state, event)


def test_every_state_with_a_process_knows_that_processes_end_and_that_a_stop_may_be_wanted():
    for state in (PluginState.STARTING, PluginState.WARMING, PluginState.READY, PluginState.DEGRADED):
        assert after(state, Event.PROCESS_EXITED) is PluginState.BACKOFF
        assert after(state, Event.INTENSITY_SPENT) is PluginState.QUARANTINED
        assert after(state, Event.STOP_WANTED) is PluginState.STOPPING


@given(STATES)
def test_no_state_is_both_on_its_way_and_failed(state):
    if state.can_be_asked:
        assert state.is_settled
        assert state.is_under_way
    elif state.is_under_way:
        assert not state.is_settled
