"""Tables against contracts: rows that break a rule are set aside, other breaches stop the run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlops_engine.contract import Contract
from mlops_engine.errors import InvalidArgument
from mlops_engine.registry.hashing import digest_file

from ..failures import DataInvalidError
from ..sections import Validate, near
from ..stage import Context, Facts
from .ingest import read_tables, write_tables

__all__ = ["observe", "run"]


def observe(context: Context) -> Any:
    """Digest the contracts; where one asks for fresh data, what day it is decides too."""
    settings: Validate = context.section("validate")
    files = {n: digest_file(context.path(p)).sha256 for n, p in settings.contracts.items()}
    contracts = [_contract(context.path(path)) for path in settings.contracts.values()]
    fresh = any(contract.document.freshness is not None for contract in contracts)
    return {"contracts": files, "day": _now(settings).date().isoformat() if fresh else None}


def run(context: Context) -> Facts:
    """Check each table; `report.json` says what was found, also if the run ends here."""
    settings: Validate = context.section("validate")
    tables = read_tables(context.inputs["ingest"])
    reports: dict[str, Any] = {}
    wrong: list[str] = []
    for name, path in settings.contracts.items():
        if name not in tables:
            raise InvalidArgument(f"[validate] there is no table {name!r}{near(name, tables)}")
        report = _contract(context.path(path)).check(tables[name], _now(settings))
        tables[name] = report.good
        reports[name] = report.to_dict()
        for finding in (*report.errors, *report.warnings):
            context.progress.step(f"  {name}: {finding}")
        wrong += [f"{name}: {finding}" for finding in report.errors]
        if report.quarantined.height:
            folder = context.out / "quarantine"
            folder.mkdir(exist_ok=True)
            report.quarantined.write_parquet(folder / f"{name}.parquet")
    context.write_json("report.json", reports)
    if wrong:
        raise DataInvalidError("; ".join(wrong[:3]) + (" ..." if len(wrong) > 3 else ""))
    facts = write_tables(context, tables)
    scores = {name: report["score"] for name, report in reports.items()}
    return {**facts, "score": scores}


def _contract(path: Path) -> Contract:
    if not path.is_file():
        raise InvalidArgument(f"[validate] there is no contract {path}")
    return Contract.from_toml(path)


def _now(settings: Validate) -> datetime:
    if settings.now is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(settings.now)
    except ValueError as error:
        raise InvalidArgument(f"[validate] now: {error}") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
