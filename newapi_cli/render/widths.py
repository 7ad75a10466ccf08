"""The widths of columns that share a room."""

from __future__ import annotations

from collections.abc import Sequence


def shared_widths(widths: Sequence[int], least: Sequence[int], room: int) -> list[int]:
    """Return widths that fit, as far as none is below `least`.

    Narrow columns have the width of their widest cell, the others share the rest.

    >>> shared_widths([3, 30, 40], [1, 1, 1], 24)
    [3, 11, 10]
    """
    if sum(widths) <= room:
        return list(widths)
    low, high = 0, max(room, 0)  # the width that no shared column exceeds
    while low < high:
        middle = (low + high + 1) // 2
        taken = sum(
            min(width, max(need, middle)) for width, need in zip(widths, least, strict=True)
        )
        low, high = (middle, high) if taken <= room else (low, middle - 1)
    shared = [min(width, max(need, low)) for width, need in zip(widths, least, strict=True)]
    spare = room - sum(shared)  # what is left of the division
    for index, width in enumerate(shared):
        if spare > 0 and width < widths[index] and width == low:
            shared[index] += 1
            spare -= 1
    return shared
