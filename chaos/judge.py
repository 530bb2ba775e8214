"""Is what was found what was served? Pure: rows in, differences out.

Every difference is one of: missing (served, not found), repeated (one id twice), changed (the id
is right, the price, size, side or time is not), unserved (found, never served).
"""

from collections.abc import Iterable

import numpy as np
from msgspec import Struct

from chaos.rows import Ids, Rows

SHOWN = 20  # ids of each difference that a report names


class Difference(Struct, frozen=True):
    """Of one market in one place. Ids are named up to SHOWN; counts are whole."""

    expected: int
    found: int
    missing: int
    repeated: int
    changed: int
    unserved: int
    ids: dict[str, list[int]]

    @property
    def is_none(self) -> bool:
        return not (self.missing or self.repeated or self.changed or self.unserved)


def compare(served: Rows, found: Rows) -> Difference:
    """`served` holds each id once, in any order; `found` is as it was found."""
    served = served[np.argsort(served["id"], kind="stable")]
    ids, counts = np.unique(found["id"], return_counts=True)
    differences = {
        "missing": np.setdiff1d(served["id"], ids, assume_unique=True),
        "repeated": ids[counts > 1],
        "changed": changed_ids(served, found),
        "unserved": np.setdiff1d(ids, served["id"], assume_unique=True),
    }
    return Difference(
        expected=len(served),
        found=len(found),
        **{name: len(those) for name, those in differences.items()},
        ids={name: those[:SHOWN].tolist() for name, those in differences.items() if len(those)},
    )


def changed_ids(served: Rows, found: Rows) -> Ids:
    """Ids that were served, found with another price, size, side or time."""
    if not len(served):
        return np.empty(0, np.int64)
    places = np.minimum(np.searchsorted(served["id"], found["id"]), len(served) - 1)
    twins = served[places]
    is_known = twins["id"] == found["id"]
    return np.unique(found["id"][is_known & (twins != found)])


def withheld(served: Rows) -> Ids:
    """Ids between the first and the last that were never served: the holes."""
    if not len(served):
        return np.empty(0, np.int64)
    whole = np.arange(served["id"].min(), served["id"].max() + 1)
    return np.setdiff1d(whole, served["id"], assume_unique=True)


def unexplained(holes: Ids, told: Iterable[tuple[int, int]]) -> Ids:
    """Holes that no gap tells to be absent; `told` are (after_id, before_id) of such gaps."""
    is_told = np.zeros(len(holes), bool)
    for after, before in told:
        is_told |= (holes > after) & (holes < before)
    return holes[~is_told]
