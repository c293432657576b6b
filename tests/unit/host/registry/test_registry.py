"""Who exists, in which order, and who can be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host.clock import SystemClock
from host.errors import NotFoundError
from host.registry.entry import PluginEntry, Settings
from host.registry.registry import Registry
from plugin_sdk.contract.manifest import Manifest


def entry(name, *, priority=0, handles=("resource",), settings=None):
    manifest = Manifest(name, "1.0.0", handles, entry="p:P", priority=priority)
    return PluginEntry(manifest, settings or Settings())


def ready(one, handles=None):
    one.now_ready(object(), {}, handles)
    return one


def test_a_plugin_is_found_by_name_and_a_near_miss_is_named():
    registry = Registry(SystemClock())
    registry.register(entry("forest"))
    assert registry.get("forest").name == "forest"
    with pytest.raises(NotFoundError, match="there is no plugin named 'forrest'") as caught:
        registry.get("forrest")
    assert caught.value.hint == "did you mean 'forest'?"
    with pytest.raises(NotFoundError) as caught:
        registry.get("zzz")
    assert caught.value.hint == "plugins.list names those that are there"


def test_of_two_with_one_name_the_second_is_refused():
    registry = Registry(SystemClock())
    first = entry("a")
    registry.register(first)
    with pytest.raises(ValueError, match="'a' is registered"):
        registry.register(entry("a"))
    assert registry.get("a") is first


def test_coming_and_going_is_told_once_each():
    registry = Registry(SystemClock())
    topics = []
    registry.events.subscribe(lambda event: topics.append((event.topic, event.plugin)))
    one = ready(entry("a"))
    registry.register(one)
    registry.enabled_changed("a", False)
    registry.enabled_changed("a", True)
    registry.unregister("a")
    registry.unregister("a")
    kinds = ["plugin:registered", "plugin:disabled", "plugin:enabled", "plugin:unregistered"]
    assert topics == [(kind, "a") for kind in kinds]
    assert one.caller is None, "who has left cannot be asked by those who still hold it"


def test_only_the_ready_ones_that_handle_the_type_can_be_asked():
    registry = Registry(SystemClock())
    for one in (
        entry("down"),
        ready(entry("up")),
        ready(entry("other", handles=("performance",))),
        ready(entry("less", handles=("resource", "performance")), ["performance"]),
        ready(entry("more"), ["resource", "performance", "ml-driven"]),
    ):
        registry.register(one)
    assert [one.name for one in registry.askable("resource")] == ["more", "up"]
    assert [one.name for one in registry.askable("performance")] == ["less", "other"]
    assert registry.askable("ml-driven") == [], "a plugin handles no more than its manifest says"
    assert [one.name for one in registry.ready()] == ["less", "more", "other", "up"]
    registry.get("up").not_ready()
    assert [one.name for one in registry.askable("resource")] == ["more"]
    assert "down@1.0.0" in registry.absent("resource")


def test_a_disabled_plugin_is_not_missed():
    registry = Registry(SystemClock())
    registry.register(entry("off", settings=Settings(enabled=False)))
    assert registry.absent("resource") == []


@given(
    st.dictionaries(
        st.text("abc", min_size=1, max_size=4), st.tuples(st.integers(-3, 3), st.none() | st.integers(-3, 3))
    )
)
def test_the_order_is_by_priority_then_name_and_the_operators_word_wins(plugins):
    registry = Registry(SystemClock())
    for name, (own, set_to) in plugins.items():
        registry.register(ready(entry(name, priority=own, settings=Settings(priority=set_to))))
    wanted = sorted(
        plugins,
        key=lambda name: (-(plugins[name][0] if plugins[name][1] is None else plugins[name][1]), name),
    )
    assert [one.name for one in registry.all()] == wanted
    assert [one.name for one in registry.askable("resource")] == wanted
