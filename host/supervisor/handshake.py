"""The first exchange with a new process: versions, limits and config out, capabilities back."""

from __future__ import annotations

import secrets

import msgspec
from msgspec import UNSET

import host
from host.errors import BadResultError, RemoteError, plain_words
from host.registry.entry import Caller, PluginEntry
from plugin_sdk.contract.manifest import Limits
from plugin_sdk.contract.messages import (
    HOST_METHODS,
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    InitializeParams,
    InitializeResult,
    Peer,
    ProtocolRange,
    SavedState,
    WireLimits,
)


class LoadError(Exception):
    """The plugin answered that it cannot be loaded; starting it again would say the same."""


async def initialize(
    caller: Caller,
    entry: PluginEntry,
    limits: Limits,
    wire: WireLimits,
    *,
    deadline: float,
    state: SavedState | None = None,
    shared: str | None = None,
) -> InitializeResult:
    """Says hello and checks the answer.

    Raises:
        LoadError: The plugin refused, or what it says of itself does not fit its manifest.
        PluginError: It died, hung, or answered rubbish.
    """
    manifest = entry.manifest
    params = InitializeParams(
        protocol=ProtocolRange(),
        host=Peer("engine-ops", host.__version__),
        plugin=Peer(manifest.name, manifest.version),
        instance=secrets.token_hex(8),
        epoch=entry.epoch,
        handles=list(manifest.handles),
        config=entry.config,
        limits=msgspec.structs.replace(
            wire, memory_bytes=limits.memory_bytes, call_timeout_ms=limits.call_timeout_s * 1000
        ),
        seed=secrets.randbits(31),
        state=state if state is not None else UNSET,
        shared=shared if shared is not None else UNSET,
    )
    try:
        raw = await caller.call("initialize", msgspec.json.encode(params), deadline=deadline)
    except RemoteError as error:
        raise LoadError(error.reason) from error
    try:
        result = msgspec.json.decode(raw, type=InitializeResult)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadResultError(manifest.name, f"its answer to initialize is no answer: {error}") from error
    if not PROTOCOL_MIN <= result.protocol <= PROTOCOL_MAX:
        raise LoadError(
            f"it chose protocol {result.protocol}; this host speaks {PROTOCOL_MIN} to {PROTOCOL_MAX}"
        )
    unknown = set(result.capabilities) - set(HOST_METHODS)
    if unknown:
        named = plain_words(", ".join(sorted(unknown)), 200)
        raise LoadError(f"it declares capabilities that are no methods: {named}")
    if any(each.min_points < 0 for each in result.capabilities.values()):
        raise LoadError("it declares a minPoints below 0")
    return result
