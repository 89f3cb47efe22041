"""The HTTP session of a run, which keeps the application's two limits.

42 counts requests per application: by default 2 a second and 1,200 an hour.
"""

from __future__ import annotations

import requests
from requests_ratelimiter import LimiterAdapter

_HOUR = 3600


def limited_session(*, per_second: float, per_hour: float, user_agent: str) -> requests.Session:
    """Open a session that never asks faster than the limits allow.

    Args:
        per_second: Requests a second; 0 means no limit.
        per_hour: Requests an hour; 0 means no limit.
        user_agent: Names the client; requests without one are refused by the
            proxy in front of the API.

    Returns:
        A session that blocks in ``send`` until a request is due.
    """
    session = requests.Session()
    session.headers["User-Agent"] = user_agent
    per_second, per_hour = _binding(per_second, per_hour)
    if per_second or per_hour:
        # 429s are waited for where all failures are, not in the adapter as well.
        adapter = LimiterAdapter(per_second=per_second, per_hour=per_hour, limit_statuses=())
        session.mount("https://", adapter)
        session.mount("http://", adapter)
    return session


def _binding(per_second: float, per_hour: float) -> tuple[float, float]:
    """Drop a limit that the other one implies; the limiter refuses such pairs."""
    if 0 < per_hour <= per_second:
        return 0, per_hour
    if 0 < per_second * _HOUR <= per_hour:
        return per_second, 0
    return per_second, per_hour
