"""Semantic versions and ranges of them, as `models:/flights/^1.2` names one.

>>> "1.4.2" in VersionRange.parse("^1.2"), "2.0.0" in VersionRange.parse("^1.2")
(True, False)
>>> str(SemanticVersion.parse("1.4.2").raised("minor"))
'1.5.0'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Literal

from mlops_engine.errors import InvalidArgument

Change = Literal["major", "minor", "patch"]
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-([0-9A-Za-z.-]{{1,64}}))?(?:\+[0-9A-Za-z.-]{{1,64}})?"
)
_TERM = re.compile(rf"(\^|~|>=|<=|>|<|=)?\s*({_NUMBER})(?:\.({_NUMBER}|[x*]))?(?:\.(.+))?")
TERMS_MAX = 8


@total_ordering
@dataclass(frozen=True)
class SemanticVersion:
    """`major.minor.patch`, and perhaps `-pre.release`; what a build adds after `+` is left out."""

    major: int
    minor: int
    patch: int
    pre: str = ""

    @staticmethod
    def parse(text: str) -> SemanticVersion:
        """Read `1.2.3` or `1.2.3-rc.1`.

        Raises
        ------
        InvalidArgument
            For anything else.
        """
        match = _VERSION.fullmatch(text)
        if match is None or (match[4] and "" in match[4].split(".")):
            raise InvalidArgument(f"{text[:100]!r} is no semantic version, such as 1.2.3")
        return SemanticVersion(int(match[1]), int(match[2]), int(match[3]), match[4] or "")

    def raised(self, change: Change) -> SemanticVersion:
        """Return the version after a change of this size."""
        if change == "major":
            return SemanticVersion(self.major + 1, 0, 0)
        if change == "minor":
            return SemanticVersion(self.major, self.minor + 1, 0)
        return SemanticVersion(self.major, self.minor, self.patch + 1)

    def __lt__(self, other: SemanticVersion) -> bool:
        return self._key() < other._key()

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f"-{self.pre}" if self.pre else "")

    def _key(self) -> tuple[object, ...]:
        # Numbers before words, a longer list after its beginning, a release after all of them.
        parts = tuple(
            (0, int(part), "") if part.isdecimal() else (1, 0, part)
            for part in self.pre.split(".")
            if part
        )
        return (self.major, self.minor, self.patch, not self.pre, parts)


@dataclass(frozen=True)
class VersionRange:
    """Terms that all must hold: `^1.2`, `~1.2.3`, `>=1.2,<2`, `1.x`, `*`.

    Pre-releases are in a range only if one of its terms names a pre-release.
    """

    terms: tuple[tuple[str, SemanticVersion], ...]
    pre: bool = False

    @staticmethod
    def parse(text: str) -> VersionRange:
        """Read a range.

        Raises
        ------
        InvalidArgument
            For what is none.
        """
        words = [word.strip() for word in text.split(",")]
        if len(words) > TERMS_MAX or not all(words):
            raise InvalidArgument(f"{text[:100]!r} is no range of versions, such as ^1.2 or >=1,<3")
        terms: list[tuple[str, SemanticVersion]] = []
        pre = False
        for word in words:
            if word not in {"*", "x"}:
                terms += _terms(word, text)
                pre = pre or "-" in word
        return VersionRange(tuple(terms), pre)

    def __contains__(self, version: object) -> bool:
        if isinstance(version, str):
            version = SemanticVersion.parse(version)
        if not isinstance(version, SemanticVersion) or (version.pre and not self.pre):
            return False
        return all(_holds(operator, version, bound) for operator, bound in self.terms)


def _terms(word: str, text: str) -> list[tuple[str, SemanticVersion]]:
    """Turn one word into comparisons; missing parts make it a range of their own."""
    match = _TERM.fullmatch(word)
    rest = match[4] if match else None
    if match is None or (rest not in {None, "x", "*"} and match[3] in {None, "x", "*"}):
        raise InvalidArgument(f"{text[:100]!r} is no range of versions, such as ^1.2 or >=1,<3")
    operator, wild = match[1] or "", {None, "x", "*"}
    major, minor = int(match[2]), None if match[3] in wild else int(match[3])
    exact = minor is not None and rest not in wild
    low = (
        SemanticVersion.parse(f"{major}.{minor}.{rest}")
        if exact
        else SemanticVersion(major, minor or 0, 0)
    )
    if operator == "^":
        return [(">=", low), ("<", _above(low, minor is not None, exact))]
    if operator == "~" or (operator in {"", "="} and not exact):
        step: Change = "major" if minor is None else "minor"
        return [(">=", low), ("<", _floor(low.raised(step)))]
    if operator in {">", "<="} and not exact:  # of all that the short form stands for
        end = _floor(low.raised("major" if minor is None else "minor"))
        return [(">=" if operator == ">" else "<", end)]
    return [(operator or "=", _floor(low) if operator == "<" and not exact else low)]


def _above(low: SemanticVersion, has_minor: bool, exact: bool) -> SemanticVersion:
    """End a caret's range where the first part that is not zero grows."""
    if low.major or not has_minor:
        return _floor(low.raised("major"))
    if low.minor or not exact:
        return _floor(low.raised("minor"))
    return _floor(low.raised("patch"))


def _floor(version: SemanticVersion) -> SemanticVersion:
    # Before every pre-release of it, so that 2.0.0-rc.1 is not below 2.
    return SemanticVersion(version.major, version.minor, version.patch, "0")


def _holds(operator: str, version: SemanticVersion, bound: SemanticVersion) -> bool:
    return {
        "=": version == bound,
        ">=": version >= bound,
        ">": version > bound,
        "<": version < bound,
        "<=": version <= bound,
    }[operator]
