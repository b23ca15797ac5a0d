from __future__ import annotations

import pytest

from connectors.amqp.features import SERIES, features, numbers


@pytest.mark.parametrize(
    ("version", "since"),
    [
        ("3.10.8", (3, 10)),
        ("3.13.7", (3, 10)),
        ("4.0.5", (4, 0)),
        ("4.2.11+dfsg-1", (4, 0)),
        ("4.3.0-rc.1", (4, 3)),
        ("4.10.0", (4, 3)),
        ("5.0.1", (4, 3)),
        ("3.9.29", (3, 10)),
        ("", (3, 10)),
        ("trunk", (3, 10)),
    ],
)
def test_a_version_has_the_features_of_the_newest_series_that_is_not_newer(
    version: str, since: tuple[int, int]
) -> None:
    assert features(version).since == since


def test_series_stand_in_order() -> None:
    assert [each.since for each in SERIES] == sorted(each.since for each in SERIES)


def test_a_version_that_cannot_be_read_has_no_numbers() -> None:
    assert numbers("unknown") == (0, 0)
    assert numbers("4.3.6") == (4, 3)
