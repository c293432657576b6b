"""A packing that a plugin can do better than the built-ins."""

from __future__ import annotations

# The built-ins need 4 nodes; 3 are enough (44+17, 24+21+8+8, 24+22+6+6), so the bound is met by a plugin at most.
HARD = {
    "items": [{"id": f"i{n}", "cpu": size} for n, size in enumerate([44, 24, 24, 22, 21, 17, 8, 8, 6, 6])],
    "nodeCapacity": {"cpu": 61},
}
PACKED_TIGHT = {
    "nodes": [
        {"id": f"n{n}", "items": items}
        for n, items in enumerate([["i0", "i5"], ["i1", "i4", "i6", "i7"], ["i2", "i3", "i8", "i9"]])
    ]
}
