"""Schemathesis asks everything that the API's own description allows, and what it does not."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from tests.api.conftest import ASKED_ONCE, TOKEN, Site
from tests.stored import BTC, store_day

pytestmark = ASKED_ONCE
load_all_checks()
# A description of text cannot say which market or which time there is: such are refused with words.
LEFT_OUT = ("positive_data_acceptance",)
EXAMPLES = 5  # of each kind and operation


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_day(site.store, BTC)
    site.forget()
    return site


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as found:
        found.trust_env = False
        yield found


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_schemathesis_finds_nothing(
    stocked: Site, session: requests.Session, mode: GenerationMode
) -> None:
    described = schemathesis.openapi.from_dict(stocked.get("/openapi.json").json())
    checks: list[Any] = [check for check in CHECKS.get_all() if check.__name__ not in LEFT_OUT]
    found: list[Any] = list(described.get_all_operations())
    operations = [one.ok() for one in found]
    assert len(operations) >= 18
    asked = 0
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and not takes_anything(operation):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @examples(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), database=None)
        def ask(case: Any) -> None:
            nonlocal asked
            asked += 1
            case.call_and_validate(
                base_url=str(stocked.http.base_url), session=session, checks=checks,
                headers={"Authorization": f"Bearer {TOKEN}"},
            )  # fmt: skip

        ask()
    assert asked > 50


def takes_anything(operation: Any) -> bool:
    return bool(list(operation.iter_parameters()) or list(operation.body))
