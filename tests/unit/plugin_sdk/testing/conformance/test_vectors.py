from __future__ import annotations

from pathlib import Path

from plugin_sdk.testing.conformance.table import CHECKS, VECTOR
from plugin_sdk.testing.conformance.vectors import VECTORS, vectors

PAGE = Path(__file__).parents[5] / "docs" / "reference" / "protocol" / "vectors.json"


def test_the_kits_vectors_are_the_pages():
    assert VECTORS.read_bytes() == PAGE.read_bytes(), f"copy {PAGE} over {VECTORS}"


def test_every_vector_is_a_check():
    tried = {check.name.removeprefix(VECTOR) for check in CHECKS if check.name.startswith(VECTOR)}
    assert tried == {each["name"] for each in vectors()}
