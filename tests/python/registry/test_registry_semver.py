"""Semantic versions, ranges, and which version an address means."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_engine import InvalidArgument, NotFound
from mlops_engine.registry import Selector, SemanticVersion, Version, VersionRange, parse
from mlops_engine.registry.source import select

# Ascending, as semver.org's section 11 and its example have them.
ORDER = [
    "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.2.3", "1.10.0", "2.0.0",
]  # fmt: skip


def test_precedence() -> None:
    versions = [SemanticVersion.parse(text) for text in ORDER]
    shuffled = random.Random(1).sample(versions, len(versions))
    assert sorted(shuffled) == versions
    assert SemanticVersion.parse("1.0.0+build") == SemanticVersion.parse("1.0.0")


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "01.2.3", "1.2.3-", "1.2.3-a..b", "v1.2.3", "1.2.3.4"]
)
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidArgument):
        SemanticVersion.parse(text)


@pytest.mark.parametrize(
    ("range_", "inside", "outside"),
    [
        ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0 2.0.0-rc.1 1.3.0-rc.1"),
        ("^1.2.3", "1.2.3 1.9.0", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.2.2 0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.2 0.0.4"),
        ("^0.0", "0.0.0 0.0.9", "0.1.0"),
        ("^0", "0.0.0 0.9.9", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("1.x", "1.0.0 1.9.0", "2.0.0 0.9.0"),
        ("1.2.*", "1.2.0 1.2.9", "1.3.0"),
        ("=1.2.3", "1.2.3", "1.2.4"),
        ("1.2.3", "1.2.3", "1.2.4"),
        (">=1.2,<2", "1.2.0 1.99.0", "1.1.9 2.0.0"),
        (">1.2", "1.3.0", "1.2.0 1.2.9"),
        (">1.2.3", "1.2.4", "1.2.3"),
        ("<=1.2", "1.2.9 0.1.0", "1.3.0"),
        ("<=1.2.3", "1.2.3", "1.2.4"),
        (">=1.0.0-rc.1,<2", "1.0.0-rc.2 1.5.0", "1.0.0-beta 2.0.0-rc.1"),
        ("*", "0.0.0 9.9.9", "1.0.0-rc.1"),
    ],
)
def test_ranges(range_: str, inside: str, outside: str) -> None:
    parsed = VersionRange.parse(range_)
    assert {v: v in parsed for v in f"{inside} {outside}".split()} == {
        **dict.fromkeys(inside.split(), True),
        **dict.fromkeys(outside.split(), False),
    }


@pytest.mark.parametrize(
    "text", ["", ",", "1.2,", "^", "a", "1.x.3", "^1.2.", ">>1", "1.2.3.4", "*," * 9]
)
def test_what_is_no_range(text: str) -> None:
    with pytest.raises(InvalidArgument):
        VersionRange.parse(text)


@given(st.text("0123456789.x*^~<>=,- rc", max_size=20))
def test_a_range_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgument):
        assert ("1.2.3" in VersionRange.parse(text)) in {True, False}


VERSIONS = [
    Version("m", "1", "1.0.0", {"stage": "old"}, ("previous",)),
    Version("m", "2", "1.5.0", {"stage": "prod"}, ("champion", "stable")),
    Version("m", "10", "1.4.0", {"stage": "prod"}),
    Version("m", "11", "not one"),
]


@pytest.mark.parametrize(
    ("address", "id_"),
    [
        ("models:/m@champion", "2"),
        ("models:/m/2", "2"),
        ("models:/m", "11"),
        ("models:/m/latest", "11"),
        ("models:/m/^1.0", "2"),
        ("models:/m/~1.4", "10"),
        ("models:/m?stage=prod", "10"),
        ("models:///m@previous", "1"),
    ],
)
def test_which_version_is_meant(address: str, id_: str) -> None:
    where = parse(address)
    assert select(where.model, where.selector, VERSIONS).id == id_


@pytest.mark.parametrize(
    "selector", [Selector("alias", "x"), Selector("range", "^3"), Selector("version", "5")]
)
def test_no_version_is_meant(selector: Selector) -> None:
    with pytest.raises(NotFound):
        select("m", selector, VERSIONS)


@pytest.mark.parametrize(
    "address",
    ["", "m", "models:/", "models:/../m", "models:/.m", "models:/m@", "models:/m@a b",
     "models:/m/a", "models:/m?x", "models:/a/b/1"],
)  # fmt: skip
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidArgument):
        parse(address)
