"""One JSON-RPC call to a running host, with nothing but the standard library: it starts quickly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

DEFAULT_URL = "http://127.0.0.1:3000"
DEFAULT_TIMEOUT_S = 30.0
DEADLINE_EXCEEDED = -32000  # plugin_sdk.contract.errors has it; importing that costs more than this command

F = TypeVar("F", bound=Callable[..., Any])


class FailedError(click.ClickException):
    """The command failed: one line on standard error, exit code 1."""


class TimedOutError(FailedError):
    """The host was silent for too long."""

    exit_code = 4


class RpcError(FailedError):
    """The host answered with an error object.

    Attributes:
        error: `{code, message, data?}`, as it came.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        message = str(error.get("message", "the host gave no reason"))
        data = error.get("data")
        hint = data.get("hint") if isinstance(data, dict) else None
        super().__init__(f"{message} ({hint})" if hint and str(hint) not in message else message)
        self.error = error


class RpcTimeoutError(RpcError):
    """The host answered that the deadline had passed."""

    exit_code = 4


def host_options(command: F) -> F:
    """Adds the options that say which host is asked, and how long."""
    for option in (
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=0, min_open=True),
            default=DEFAULT_TIMEOUT_S,
            show_default=True,
            metavar="SECONDS",
            help="How long the host may keep silent.",
        ),
        click.option(
            "--token",
            envvar="ENGINE_OPS_TOKEN",
            metavar="T",
            help="Bearer token, where the host asks for one; better in ENGINE_OPS_TOKEN, where others do not see it.",
        ),
        click.option(
            "--url",
            envvar="ENGINE_OPS_URL",
            default=DEFAULT_URL,
            show_default=True,
            metavar="U",
            help="The running host.",
        ),
    ):
        command = option(command)
    return command


def rpc(method: str, params: str = "{}", *, url: str, token: str | None, timeout_s: float) -> Any:
    """The result of one call.

    Args:
        params: JSON text of an object, sent as it is.
        timeout_s: Of each wait for the host, seconds.

    Raises:
        RpcError: The host answered with an error.
        FailedError: There is no host there, it is silent too long, or what answers is no such host.
    """
    body = f'{{"jsonrpc":"2.0","id":1,"method":{json.dumps(method)},"params":{params}}}'
    status, answer = _post(url, body.encode(), token, timeout_s)
    try:
        response = json.loads(answer)
    except ValueError:
        response = None
    if not isinstance(response, dict) or response.get("jsonrpc") != "2.0":
        raise FailedError(
            f"what answers at {url} is no engine-ops host (HTTP status {status}); give the host's own with --url"
        )
    if isinstance(response.get("error"), dict):
        late = response["error"].get("code") == DEADLINE_EXCEEDED
        raise (RpcTimeoutError if late else RpcError)(response["error"])
    return response.get("result")


def _post(url: str, body: bytes, token: str | None, timeout_s: float) -> tuple[int, bytes]:
    import http.client
    import ssl

    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token is not None:
        if not token.isascii() or not token.isprintable():
            raise click.UsageError("--token has characters that no token has; give it as it was issued")
        headers["Authorization"] = f"Bearer {token}"
    connection, prefix = _connection(url, timeout_s)
    try:
        connection.request("POST", f"{prefix}/rpc", body, headers)
        response: HTTPResponse = connection.getresponse()
        return response.status, response.read()
    except TimeoutError:
        raise TimedOutError(f"the host at {url} kept silent for {timeout_s:g} s; see --timeout") from None
    except ConnectionRefusedError:
        raise FailedError(
            f"no host answers at {url}; start one with: engine-ops serve --plugins DIR"
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise FailedError(
            f"the certificate of {url} does not hold here: {error.verify_message}; "
            "name a file with that of its authority in SSL_CERT_FILE"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise FailedError(
            f"cannot talk to {url}: {reason}; is that the URL 'engine-ops serve' printed?"
        ) from None
    finally:
        connection.close()


def _connection(url: str, timeout_s: float) -> tuple[HTTPConnection, str]:
    import http.client
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"--url is {url!r}; give one such as {DEFAULT_URL}")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, port, timeout=timeout_s), parts.path.rstrip("/")
