"""Calls of the host over HTTP, as any client would make them."""

from __future__ import annotations

import itertools
import time
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from host.errors import EngineOpsError

CALL_TIMEOUT_S = 10.0  # for the host to say anything at all; its answers have deadlines of their own


class CallFailedError(EngineOpsError):
    """The host refused a call, answered with an error, or did not answer."""


class Caller:
    """One client of one host.

    Args:
        url: Of the host, e.g. "http://127.0.0.1:3000".
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CALL_TIMEOUT_S))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(self, method: str, params: dict[str, Any] | None = None) -> Any:
        """The result of one JSON-RPC call.

        Raises:
            CallFailedError: There is none; says what the host said.
        """
        assert self._session is not None, "used as `async with Caller(...)`"
        message = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params or {}}
        body = msgspec.json.encode(message)
        try:
            async with self._session.post(
                f"{self.url}/rpc", data=body, headers={"Content-Type": "application/json"}
            ) as response:
                status, raw = response.status, await response.read()
            reply = msgspec.json.decode(raw)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise CallFailedError(
                f"{method}: no answer from {self.url}: {exc or type(exc).__name__}"
            ) from exc
        except msgspec.DecodeError as exc:
            raise CallFailedError(
                f"{method}: {self.url} answered {status} with no JSON: {raw[:100]!r}"
            ) from exc
        if not isinstance(reply, dict) or "result" not in reply:
            error = reply.get("error") if isinstance(reply, dict) else reply
            said = error.get("message") if isinstance(error, dict) else error
            raise CallFailedError(f"{method}: {said or f'status {status} without a result'}")
        return reply["result"]

    async def timed(self, method: str, params: dict[str, Any]) -> tuple[Any, float]:
        """The result, and how many milliseconds it took from here."""
        began = time.perf_counter()
        result = await self.call(method, params)
        return result, (time.perf_counter() - began) * 1000.0
