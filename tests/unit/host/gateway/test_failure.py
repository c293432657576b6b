"""What becomes of an error on its way to the caller."""

from __future__ import annotations

from collections.abc import Iterator

import host.app  # noqa: F401  # every room is imported, and so every error that it raises is known
from host.errors import EngineOpsError, PluginError
from host.gateway.failure import HINTS, failure_from
from plugin_sdk.contract.errors import ErrorCode


def kinds(base: type[EngineOpsError]) -> Iterator[type[EngineOpsError]]:
    yield base
    for each in base.__subclasses__():
        yield from kinds(each)


def test_every_error_that_says_nothing_of_its_remedy_is_given_one() -> None:
    # Bad values carry their own, and of a fault of the host there is an id to look for.
    own = {ErrorCode.INVALID_PARAMS, ErrorCode.INTERNAL_ERROR}
    assert {each.code for each in kinds(EngineOpsError)} - own <= HINTS.keys()
    assert "plugins.logs" in str(failure_from(PluginError("forest", "it failed"), during="x").data.hint)


def test_the_text_of_an_error_that_nobody_wrote_for_readers_is_not_sent() -> None:
    failure = failure_from(ValueError("a secret"), during="x")
    assert failure.code is ErrorCode.INTERNAL_ERROR
    assert "a secret" not in str(failure)
