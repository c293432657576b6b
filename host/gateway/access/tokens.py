"""Bearer tokens: made once and shown once, kept as digests alone, with a role and a way to take them back.

A token is `eo_ID_SECRET`. The secret is 256 random bits, so its SHA-256 cannot be turned back by trying, and no slow
hash is needed at each request. The file is read again when it changes: a token that is revoked is refused from the
next request on.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

import msgspec

from host.errors import ConfigError, NotFoundError
from host.gateway.access.roles import Role

FILE = "tokens.json"
_NOBODY = hashlib.sha256(b"").digest()
NAME_LIMIT = 64


class Token(msgspec.Struct, rename="camel", omit_defaults=True):
    """One token, as it is kept.

    Fields:
        sha256: Hexadecimal, of the whole token.
        created_at, revoked_at, expires_at: Milliseconds since the epoch.
    """

    id: str
    name: str
    role: Role
    sha256: str
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None

    def holds(self, now_ms: float) -> bool:
        """Whether it opens the door now."""
        return self.revoked_at is None and (self.expires_at is None or now_ms < self.expires_at)


class _File(msgspec.Struct):
    tokens: list[Token] = []


class TokenStore:
    """The tokens of one data directory."""

    def __init__(self, data: Path) -> None:
        self.path = data / FILE
        self._read_as: tuple[int, int, int] | None = None
        self._by_id: dict[str, Token] = {}

    def exists(self) -> bool:
        """Whether tokens have been made here; then they are asked for, even when all are revoked."""
        self._refresh()
        return self._read_as is not None

    def all(self) -> list[Token]:
        """Every token, the oldest first."""
        self._refresh()
        return sorted(self._by_id.values(), key=lambda each: each.created_at)

    def new(self, name: str, role: Role, now_ms: float, lives_s: float | None = None) -> tuple[Token, str]:
        """Makes a token; its text is returned here and never kept.

        Raises:
            ConfigError: The name cannot be used, or the file cannot be written.
        """
        if not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
            raise ConfigError(f"the name is {name!r}; give 1 to {NAME_LIMIT} printable characters")
        self._refresh()
        if any(each.name == name and each.holds(now_ms) for each in self._by_id.values()):
            raise ConfigError(f"a token named {name!r} is in use; revoke it first, or give another name")
        token_id = secrets.token_hex(4)
        text = f"eo_{token_id}_{secrets.token_urlsafe(32)}"
        expires = None if lives_s is None else now_ms + lives_s * 1000.0
        token = Token(token_id, name, role, hashlib.sha256(text.encode()).hexdigest(), now_ms, expires)
        self._by_id[token_id] = token
        self._write()
        return token, text

    def revoke(self, which: str, now_ms: float) -> Token:
        """Takes a token back, by its id or name.

        Raises:
            NotFoundError: None that holds is called so.
        """
        self._refresh()
        for each in self._by_id.values():
            if which in (each.id, each.name) and each.revoked_at is None:
                each.revoked_at = now_ms
                self._write()
                return each
        raise NotFoundError(
            f"no token in use is called {which!r}", hint="engine-ops token list names those there are"
        )

    def find(self, text: bytes, now_ms: float) -> Token | None:
        """The token with this text, if it opens the door now. As slow for a wrong one as for a right one."""
        self._refresh()
        _, _, rest = text.partition(b"_")
        token = self._by_id.get(rest.partition(b"_")[0].decode("latin-1"))
        wanted = bytes.fromhex(token.sha256) if token is not None else _NOBODY
        same = hmac.compare_digest(hashlib.sha256(text).digest(), wanted)
        return token if same and token is not None and token.holds(now_ms) else None

    def _refresh(self) -> None:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            # Gone while the host runs is no way to open its door.
            if self._read_as is not None:
                self._by_id = {}
            return
        except OSError as error:
            raise ConfigError(f"the tokens in {self.path} cannot be read: {error.strerror}") from error
        as_it_is = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if as_it_is == self._read_as:
            return
        try:
            kept = msgspec.json.decode(self.path.read_bytes(), type=_File)
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            raise ConfigError(
                f"the tokens in {self.path} cannot be read: {error}; restore the file, or delete it and make new ones"
            ) from error
        self._by_id = {each.id: each for each in kept.tokens}
        self._read_as = as_it_is

    def _write(self) -> None:
        content = msgspec.json.format(msgspec.json.encode(_File(list(self._by_id.values()))))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(dir=self.path.parent, prefix=f".{FILE}.")  # mode 0600
            with os.fdopen(number, "wb") as file:
                file.write(content + b"\n")
                file.flush()
                os.fsync(number)
            Path(name).replace(self.path)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise ConfigError(f"the tokens in {self.path} cannot be written: {error.strerror}") from error
        stat = self.path.stat()
        self._read_as = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
