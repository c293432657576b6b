"""A plugin as those who ask see it: a name, what it can do, and one way to call it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Protocol

import msgspec

from plugin_sdk.contract.messages import Capability


class Askable(Protocol):
    """A plugin that can be asked now; its process may still die at any moment."""

    @property
    def name(self) -> str: ...

    @property
    def by(self) -> str:
        """`name@version`, as answers name it."""
        ...

    @property
    def priority(self) -> int:
        """Higher is asked first."""
        ...

    @property
    def capabilities(self) -> Mapping[str, Capability]:
        """By method name, as declared at its start."""
        ...

    @property
    def state(self) -> Hashable:
        """Which process, model and settings answer; another value means that another answer may come."""
        ...

    async def call(self, method: str, params: bytes, *, deadline: float) -> msgspec.Raw:
        """One call, at most once.

        Args:
            method: One of the protocol's methods.
            params: A JSON object, encoded; `_meta` is added on the way.
            deadline: On the clock of `Clock.now()`, seconds. The plugin's own `call_timeout` cuts it
                shorter.

        Returns:
            The `result` member, as bytes that are valid JSON.

        Raises:
            PluginError: One of its subclasses; `CallLateError` when the deadline passed.
        """
        ...

    def retract(self, method: str, why: str) -> None:
        """What it answered to *method* just now turned out to be no answer: that counts as a failure of it."""
        ...


class Directory(Protocol):
    """Who can be asked."""

    def askable(self, request_type: str) -> Sequence[Askable]:
        """Enabled, ready plugins that handle this type, highest priority first, then by name."""
        ...

    def absent(self, request_type: str) -> Sequence[str]:
        """`name@version` of the enabled plugins that handle this type and cannot be asked now, by name."""
        ...

    def named(self, name: str) -> Askable:
        """The plugin of this name, which can be asked now.

        Raises:
            NotFoundError: There is none.
            PluginGoneError: It is not up.
        """
        ...
