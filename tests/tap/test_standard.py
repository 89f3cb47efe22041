"""The standard tests of Meltano's SDK, against the sandbox, for every stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_ft42.tap import TapFT42

from tests.sandboxes import running_sandbox
from tests.tap.running import STREAMS, catalog_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# The suite takes its settings when it is collected, before there is a sandbox: the
# fixture fills in what is still missing.
SETTINGS: dict[str, Any] = {
    "client_id": "sandbox",
    "client_secret": "sandbox",
    "requests_per_second": 0,
    "requests_per_hour": 0,
}
STANDARD = get_tap_test_class(
    TapFT42,
    config=SETTINGS,
    catalog=catalog_of(STREAMS),
    suite_config=SuiteConfig(max_records_limit=None),
)


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> Iterator[None]:
    with running_sandbox(users=60, enrolments=300, achievements_per_user=2) as running:
        # Without these two, `extra` and `rejected_records` would be empty, and not looked at.
        running.fault("extra_field", column="novelty?")
        running.fault("wrong_type", route="/v2/cursus", row=1)
        SETTINGS["api_url"] = running.url
        yield


class TestStandard(STANDARD):  # type: ignore[misc,valid-type]
    """All of them."""
