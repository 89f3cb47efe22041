"""Decides which failed requests are tried again, and how long each waits.

A request is tried again after: an answer 5xx, a body that the API does not send (cut JSON, an
HTML page with status 200), a timeout, a dropped connection. So is a refusal whose body is not
JSON: the API refuses in JSON, so a proxy or a maintenance page has answered in its place. A
redirection, perhaps to a login page of the network, is asked for once more, at once. An
answer 429 is not a failure: the request is tried again as often as the quota and the run's
budget allow. All other failures need a person.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import Any

import backoff
import requests
from backoff.types import Details
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

from tap_ft42.api import errors
from tap_ft42.api.budget import Budget
from tap_ft42.api.errors import APIError, FatalAPIError, RetriableAPIError
from tap_ft42.api.headers import http_date, whole_number
from tap_ft42.declared.events import Events
from tap_ft42.declared.instants import HOUR


class TooManyRequestsError(RetriableAPIError):
    """The API says that a limit of the application is used up."""


class LongRefusalError(TooManyRequestsError):
    """The API asks for a pause of more than an hour, which is its longest window."""


class RedirectedError(RetriableAPIError):
    """Another address is to be asked, which the API itself never says."""


RETRIED = (RetriableAPIError, ConnectionResetError, requests.RequestException)
"""Exceptions after which a request may be tried again, if they are not final."""

MAX_TRIES = 6
"""Tries of one request: enough for half a minute of trouble."""

PATIENT_TRIES = MAX_TRIES + 15
"""Tries if the API has worked before: enough for a quarter of an hour of trouble."""

_WORTH_A_LOOK = 3
"""After so many failed tries of one request, the log warns of the failure."""

MAX_REFUSALS = 100
"""Answers 429 to one request, at most. Other users of the quota cannot cause so many."""

_LONGEST_BACKOFF = 60.0
_HOUR = HOUR / 1000
"""Seconds."""

_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY}


def check(
    response: requests.Response,
    refusal: Callable[[requests.Response], str] = errors.refusal,
    refused: type[APIError] = FatalAPIError,
) -> None:
    """Raise the exception for an answer that is not a success.

    Raises:
        TooManyRequestsError: A limit is used up.
        RetriableAPIError: The trouble may pass.
        APIError: It will not pass. This is the exception `refused`, with the text of `refusal`.
    """
    status = response.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        is_long = (requested_wait(response) or 0) > _HOUR
        kind = LongRefusalError if is_long else TooManyRequestsError
        raise kind(errors.refusal(response), response)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # Where tokens come from is an address in the settings, which is wrong.
        moved = RedirectedError if refused is FatalAPIError else refused
        raise moved(errors.redirection(response), response)
    if response.ok:
        return
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise FatalAPIError(errors.refusal(response), response)
    if status not in errors.TOO_LONG and (
        status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in _PASSING
        or errors.decoded(response) is None
    ):
        raise RetriableAPIError(errors.refusal(response), response)
    raise refused(refusal(response), response)


def retried(
    name: str,
    func: Any,  # noqa: ANN401 - a function or a coroutine function
    look_into: Any = None,  # noqa: ANN401 - the same
    *,
    budget: Budget,
    max_tries: int,
) -> Any:  # noqa: ANN401 - the same
    """Wrap a function that sends a request, so that it is tried again after a failure.

    Args:
        name: What it asks for: the name of a stream, or ``token``.
        func: The function.
        look_into: Called after each failure, after it was logged; None for nothing.
        budget: Says whether the run may wait.
        max_tries: The greatest number of tries, not counting answers 429.
    """

    def handle(details: Details) -> None:
        _log_failure(name, details)
        budget.check(details.get("wait", 0.0), because="the API asks to wait")

    handlers = handle if look_into is None else [handle, look_into]
    again = partial(backoff.on_exception, on_backoff=handlers, logger=None)
    # After an answer 429, the quota makes the next try wait. So no wait is needed here.
    at_once = partial(again, backoff.constant, interval=0, jitter=None)
    func = at_once((LongRefusalError, RedirectedError), max_tries=2)(func)
    func = at_once(
        TooManyRequestsError,
        max_tries=MAX_REFUSALS,
        giveup=lambda failure: isinstance(failure, LongRefusalError),
    )(func)
    patient = again(
        waits, RETRIED, max_tries=max_tries, jitter=backoff.random_jitter, giveup=is_final
    )
    return patient(func)


def _log_failure(name: str, details: Details) -> None:
    failure, wait = details["exception"], details.get("wait", 0.0)
    is_refusal = isinstance(failure, TooManyRequestsError)
    # Only a failure that lasts is worth a warning.
    lasts = not is_refusal and details["tries"] == _WORTH_A_LOOK
    Events(name).log(
        logging.WARNING if lasts else logging.INFO,
        "try %d failed, the next one follows in %.1f s: %s",
        details["tries"],
        wait,
        errors.explain(failure),
        happened="refusal" if is_refusal else "retry",
        tries=details["tries"],
        wait_seconds=round(wait, 3),
    )


def is_final(failure: Exception) -> bool:
    """Tell whether another try is useless, or was made often enough."""
    final = TooManyRequestsError | RedirectedError | InvalidSchema | InvalidURL | MissingSchema
    return isinstance(failure, final) or errors.distrust(failure) is not None


def waits() -> Generator[float, Exception, None]:
    """Generate the waits between the tries of one request.

    The protocol is that of the ``backoff`` package: the generator is primed once, then
    receives each failure and yields the seconds to wait. The caller adds jitter.

    Yields:
        The wait that the server asks for, if it does; all these together last at most until
        the end of the clock hour of the first failure. Otherwise 1, 2, 4, … up to 60 s.
    """
    failure = yield 0.0
    patience = rest_of_the_hour(_now(getattr(failure, "response", None)))
    for tries in count():
        response = getattr(failure, "response", None)
        asked = None if response is None else requested_wait(response)
        wait = min(2.0**tries, _LONGEST_BACKOFF)
        if asked is not None and patience > 0:
            wait = min(asked, patience)
            patience -= wait
        failure = yield wait


def requested_wait(response: requests.Response) -> float | None:
    """Read from an answer how long the server asks to wait.

    Returns:
        The seconds of ``Retry-After`` (a number or an HTTP date). Without this header, the
        rest of the clock hour if the hour's quota is used up, as the API's windows are fixed.
        None if the server asks for no wait.
    """
    if "Retry-After" in response.headers:
        asked = whole_number(response.headers, "Retry-After")
        if asked is None and (until := http_date(response.headers, "Retry-After")) is not None:
            return max(0.0, until - _now(response))
        return asked
    if response.headers.get("X-Hourly-RateLimit-Remaining") == "0":
        return rest_of_the_hour(_now(response))
    return None


def rest_of_the_hour(now: float) -> float:
    """Return the seconds that are left of the clock hour, in which the API counts."""
    return _HOUR - now % _HOUR


def _now(response: requests.Response | None) -> float:
    """Return Unix time by the server's clock; by this machine's if there is no answer."""
    answered = None if response is None else http_date(response.headers, "Date")
    return time.time() if answered is None else answered
