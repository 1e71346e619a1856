"""The same algebra on columns of numbers: what a machine's vector units could do, to know what is given away.

No part of the product: its sets have tens of members, where a call into NumPy costs more than the merge it saves.
"""

import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.int64]
Columns = tuple[Column, Column]


def union(starts: Column, ends: Column) -> Columns:
    """Canonical starts and ends of the union, of spans in any order."""
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    first = np.ones(len(starts), dtype=bool)
    first[1:] = starts[1:] > reach[:-1]
    last = np.append(np.flatnonzero(first)[1:] - 1, len(starts) - 1)
    return starts[first], reach[last]


def intersection(left: Columns, right: Columns) -> Columns:
    """Of two canonical sets."""
    low = np.searchsorted(right[1], left[0], side="right")
    high = np.searchsorted(right[0], left[1], side="left")
    counts = np.maximum(high - low, 0)
    mine = np.repeat(np.arange(len(left[0])), counts)
    other = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts) + np.repeat(low, counts)
    return np.maximum(left[0][mine], right[0][other]), np.minimum(left[1][mine], right[1][other])


def difference(left: Columns, right: Columns) -> Columns:
    """Of two canonical sets: the intersection with what the other one leaves out."""
    far = np.iinfo(np.int64).max
    return intersection(left, (np.append(-far, right[1]), np.append(right[0], far)))
