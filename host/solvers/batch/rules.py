"""What makes one backfilling scheduler differ from another.

Sources: Lifka (1995), The ANL/IBM SP scheduling system (EASY); Tsafrir, Etsion, Feitelson (2007), Backfilling using
system-generated predictions rather than user runtime estimates, IEEE TPDS 18(6) (EASY++, SJBF, the corrections);
Gaussier, Glesser, Reis, Trystram (2015), Improving backfilling by using machine learning to predict running times, SC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Predictor(IntEnum):
    """Where the run time that is planned with comes from."""

    REQUEST = 0  # what the user asked for
    CLAIRVOYANT = 1  # the truth; what no scheduler has
    MEAN_OF_TWO = 2  # of the user's last two finished jobs, whole seconds, at most the request
    ASKED = 3  # somebody outside is asked at each submission


@dataclass(frozen=True)
class Rules:
    """A scheduler.

    Attributes:
        shortest_first: Backfill in order of predicted run time instead of queue order.
        replan_always: Look at the whole queue at each submission; else only when the new job fits at once.
        order_asked: Somebody outside is asked for the order of the queue whenever one of several jobs may start.
    """

    name: str
    predictor: Predictor = Predictor.REQUEST
    shortest_first: bool = False
    replan_always: bool = False
    order_asked: bool = False


EASY = Rules("easy")
EASY_CLAIRVOYANT = Rules("easy-clairvoyant", Predictor.CLAIRVOYANT)
EASY_SJBF_CLAIRVOYANT = Rules("easy-sjbf-clairvoyant", Predictor.CLAIRVOYANT, True, True)
EASY_PLUS_PLUS = Rules("easy++", Predictor.MEAN_OF_TWO, True, True)

RULES: Mapping[str, Rules] = {
    each.name: each for each in (EASY, EASY_CLAIRVOYANT, EASY_SJBF_CLAIRVOYANT, EASY_PLUS_PLUS)
}

# A job that outlives its prediction is given this much more than was first predicted, one step after another, and
# never more than was requested (Tsafrir et al. 2007): 1, 5, 15, 30 min, 1, 2, 5, 10, 20, 50, 100 h.
CORRECTIONS_S = (60, 300, 900, 1800, 3600, 7200, 18_000, 36_000, 72_000, 180_000, 360_000)
