"""Roles, in their order: who may do more may do all that those before may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from host.errors import RequestError
from plugin_sdk.contract.errors import ErrorCode

Role = Literal["read", "operate", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
_RANK = {role: rank for rank, role in enumerate(ROLES)}


class ForbiddenError(RequestError):
    """The caller is known, and may not do this."""

    code = ErrorCode.FORBIDDEN


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call.

    Attributes:
        name: A token's name and id, or `local` where no tokens are asked for.
        address: Of the peer, for limits and the record of changes.
    """

    name: str
    role: Role
    address: str

    def demand(self, role: Role, what: str) -> None:
        """Raises a `ForbiddenError` unless the caller may do what *role* may."""
        if _RANK[self.role] < _RANK[role]:
            raise ForbiddenError(
                f"{what} needs the role {role}, and this token has the role {self.role}",
                hint=f"use a token with the role {role}: engine-ops token new --role {role}",
            )


LOCAL = Caller("local", "admin", "local")
"""Whoever calls a host on the loopback that asks for no tokens."""
