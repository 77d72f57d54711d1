"""A contract: what data has to be, and the check that says whether it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from mlops_engine.errors import InvalidArgument

from .document import Document, decode
from .personal import check_key, protect
from .report import QUARANTINED_BY, CheckReport, Finding
from .rules import RowRule, has_type, row_rules, skew_rule
from .tables import near, read_toml
from .whole import as_utc, check_whole, prepare_whole

if TYPE_CHECKING:
    from mlops_engine.drift import Profile

__all__ = ["Contract"]

_EXAMPLES = 3
_EXAMPLE_CHARACTERS = 60


class Contract:
    """What data has to be. Immutable; checks of it may run at the same time.

    Attributes
    ----------
    document
        What the TOML said.
    digest
        Of what it said: two contracts of one digest check the same.
    """

    def __init__(
        self,
        document: Document,
        *,
        profile: Profile | None = None,
        key: bytes | None = None,
    ) -> None:
        if not document.columns:
            raise InvalidArgument("the contract declares no column")
        self.document = document
        self.digest = hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()
        self._rules = row_rules(document)
        prepare_whole(document)
        if document.statistics is not None and profile is None:
            raise InvalidArgument("[statistics] has no reference")
        check_key(document, key)
        self._profile = profile
        self._key = key

    @classmethod
    def from_toml(
        cls,
        table: Mapping[str, Any] | str | Path,
        *,
        base: str | Path | None = None,
        profile: Profile | None = None,
        key: bytes | None = None,
    ) -> Contract:
        """Read a contract from a file, or from the table that a file has.

        Parameters
        ----------
        base
            What paths in it are relative to; the file's folder by default.
        profile, key
            Instead of the files named by `[statistics] reference` and `[personal] key_file`.

        Raises
        ------
        InvalidArgument
            Says what is wrong with it, and for an unknown key which one is near.
        """
        given, folder = read_toml(table)
        document = decode(given)
        folder = folder if base is None else Path(base)
        stats = document.statistics
        if profile is None and stats is not None and stats.reference is not None:
            from mlops_engine.drift import Profile

            profile = Profile.from_bytes(_bytes_of(folder / stats.reference, "[statistics]"))
        if key is None and document.personal.key_file is not None:
            key = _bytes_of(folder / document.personal.key_file, "[personal]").strip()
        return cls(document, profile=profile, key=key)

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.document.name

    @property
    def rules(self) -> list[str]:
        """Names of the rules that rows can break."""
        return [rule.name for rule in self._rules]

    def check(self, frame: pl.DataFrame, now: datetime) -> CheckReport:
        """Judge a frame; all rules about rows in one pass over it.

        Parameters
        ----------
        now
            What freshness is measured by; with a time zone.
        """
        now = as_utc(now)
        if QUARANTINED_BY in frame.columns:
            raise InvalidArgument(f"the frame has a column {QUARANTINED_BY!r} of its own")
        findings = self._schema(frame)
        broken_columns = {finding.rule.rpartition(".")[0] for finding in findings}
        skew = skew_rule(self.document, now)
        rules, unusable = _usable(
            frame, [*self._rules, *([skew] if skew else ())], broken_columns, self.document
        )
        findings += unusable
        schema_holds = not any(finding.severity == "fail" for finding in findings)
        flags = frame.select(rule.broken.fill_null(False).alias(rule.name) for rule in rules)
        findings += self._rows_found(frame, rules, flags)
        good, quarantined = _parted(frame, rules, flags)
        whole = check_whole(self.document, good, now, self._profile) if schema_holds else []
        findings += [finding for _, finding in whole if finding is not None]
        clean = 1.0
        if rules and frame.height:
            clean -= flags.select(pl.any_horizontal(pl.all()).sum()).item() / frame.height
        held = sum(1 for _, finding in whole if finding is None)
        score = clean * (held / len(whole) if whole else 1.0) if schema_holds else 0.0
        findings += self._quality(frame.height, quarantined.height, score)
        return CheckReport(
            self.name,
            self.digest,
            now,
            frame.height,
            tuple(finding for finding in findings if finding.severity == "fail"),
            tuple(finding for finding in findings if finding.severity != "fail"),
            protect(good, self.document, self._key),
            protect(quarantined, self.document, self._key),
            score,
        )

    def _schema(self, frame: pl.DataFrame) -> list[Finding]:
        found = []
        for name, column in self.document.columns.items():
            if name not in frame.columns:
                if not column.optional:
                    hint = near(name, set(frame.columns) - set(self.document.columns))
                    hint = hint if "mean" in hint else ""
                    said = f"there is no such column{hint}"
                    found.append(Finding(rule=f"{name}.column", severity="fail", message=said))
            elif not has_type(frame.schema[name], column.type):
                said = f"is {frame.schema[name]}, and has to be {column.type}"
                found.append(Finding(rule=f"{name}.type", severity="fail", message=said))
        others = sorted(set(frame.columns) - set(self.document.columns))
        if others and self.document.other_columns != "allow":
            severity = self.document.other_columns
            said = f"not declared: {', '.join(others[:20])}"
            found.append(Finding(rule="other_columns", severity=severity, message=said))
        return found

    def _rows_found(
        self, frame: pl.DataFrame, rules: Iterable[RowRule], flags: pl.DataFrame
    ) -> list[Finding]:
        counts = flags.sum().row(0, named=True) if flags.width else {}
        found = []
        for rule in rules:
            if not counts[rule.name]:
                continue
            found.append(
                Finding(
                    rule=rule.name,
                    severity=rule.severity,
                    message=rule.message,
                    rows=int(counts[rule.name]),
                    examples=self._examples(frame, rule, flags[rule.name]),
                )
            )
        return found

    def _examples(self, frame: pl.DataFrame, rule: RowRule, broken: pl.Series) -> list[str]:
        columns = [name for name in frame.columns if name in rule.reads]
        if any(self.document.columns[name].personal for name in columns):
            return []
        shown = frame.select(columns).filter(broken).head(_EXAMPLES)
        if len(columns) == 1:
            return [repr(value)[:_EXAMPLE_CHARACTERS] for value in shown.to_series()]
        return [str(row)[: 2 * _EXAMPLE_CHARACTERS] for row in shown.rows(named=True)]

    def _quality(self, rows: int, quarantined: int, score: float) -> list[Finding]:
        quality, found = self.document.quality, []
        if rows and quarantined / rows > quality.quarantine_share_max:
            said = f"{quarantined / rows:.2%} are; at most {quality.quarantine_share_max:.2%} may"
            found.append(Finding(rule="quality.quarantined", severity="fail", message=said))
        if score < quality.score_min:
            said = f"the score is {score:.4f}, and has to be {quality.score_min}"
            found.append(Finding(rule="quality.score", severity="fail", message=said))
        return found


def _usable(
    frame: pl.DataFrame, rules: Iterable[RowRule], broken: set[str], document: Document
) -> tuple[list[RowRule], list[Finding]]:
    """Part the rules that can be asked of this frame from those that cannot."""
    usable, found, none = [], [], frame.clear()
    for rule in rules:
        absent = rule.reads - set(frame.columns)
        if rule.reads & broken or absent:
            continue  # said already, or declared to be optional
        try:
            dtype = none.select(rule.broken).dtypes[0]
        except (pl.exceptions.PolarsError, ValueError) as error:
            said = f"cannot be asked: {str(error).splitlines()[0]}"
            found.append(Finding(rule=rule.name, severity="fail", message=said))
            continue
        if dtype != pl.Boolean:
            said = f"is {dtype}, and has to be true or false"
            found.append(Finding(rule=rule.name, severity="fail", message=said))
            continue
        usable.append(rule)
    return usable, found


def _parted(
    frame: pl.DataFrame, rules: Iterable[RowRule], flags: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    names = [rule.name for rule in rules if rule.severity == "quarantine"]
    if not names:
        none = frame.clear().with_columns(pl.lit(None, pl.List(pl.String)).alias(QUARANTINED_BY))
        return frame, none
    out = flags.select(pl.any_horizontal(names)).to_series()
    broken = flags.filter(out).select(
        pl.concat_list(pl.when(name).then(pl.lit(name)) for name in names)
        .list.drop_nulls()
        .alias(QUARANTINED_BY)
    )
    return frame.filter(~out), frame.filter(out).hstack(broken)


def _bytes_of(path: Path, where: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidArgument(f"{where}: {path}: {error.strerror}") from None
