from __future__ import annotations

from plugin_sdk.contract.errors import ErrorCode


def test_every_code_is_its_own_and_in_a_reserved_range() -> None:
    assert len({int(code) for code in ErrorCode}) == len(ErrorCode.__members__)
    assert all(code == -32800 or -32768 <= code <= -32000 for code in ErrorCode)


def test_a_kind_is_the_codes_name_in_camel_case() -> None:
    assert ErrorCode.DEADLINE_EXCEEDED.kind == "deadlineExceeded"
    assert ErrorCode.CANCELLED.kind == "cancelled"
