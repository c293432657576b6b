"""Learners that take one outcome at a time, in constant memory: for `learn`, and for worlds that change.

Plain Python, no arrays. Knows nothing of plugins. May import: nothing. Start reading at: regressor.py.
"""

from plugin_sdk.online.moments import RunningMoments, RunningQuantile
from plugin_sdk.online.regressor import OnlineRegressor

__all__ = ["OnlineRegressor", "RunningMoments", "RunningQuantile"]
