"""How the quality of the data went: every check, in one SQLite file."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .report import CheckReport

__all__ = ["History"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checks (
  number INTEGER PRIMARY KEY AUTOINCREMENT, contract TEXT NOT NULL, digest TEXT NOT NULL,
  dataset TEXT NOT NULL, at REAL NOT NULL, rows INTEGER NOT NULL, quarantined INTEGER NOT NULL,
  score REAL NOT NULL, ok INTEGER NOT NULL, report TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS checks_of ON checks (contract, at);
"""


class History:
    """Checks that were made. Several processes may write; each check is one transaction."""

    def __init__(self, path: str | Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, report: CheckReport, dataset: str = "") -> None:
        """Keep what a check found of a dataset, by the dataset's digest; rows are not kept."""
        facts = report.to_dict()
        self._connection.execute(
            "INSERT INTO checks (contract, digest, dataset, at, rows, quarantined, score, ok,"
            " report) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                report.contract,
                report.digest,
                dataset,
                report.at.timestamp(),
                report.rows,
                report.quarantined.height,
                report.score,
                report.ok,
                json.dumps(facts),
            ),
        )

    def of(self, contract: str, last: int = 100) -> list[dict[str, Any]]:
        """Return the last checks of a contract, oldest first."""
        found = self._connection.execute(
            "SELECT dataset, report FROM checks WHERE contract = ? ORDER BY at DESC, number DESC"
            " LIMIT ?",
            (contract, last),
        ).fetchall()
        return [{"dataset": dataset, **json.loads(text)} for dataset, text in reversed(found)]

    def trend(self, contract: str, last: int = 100) -> list[tuple[datetime, float, float]]:
        """Return when, score, share of rows quarantined, oldest first."""
        with contextlib.closing(
            self._connection.execute(
                "SELECT at, score, quarantined, rows FROM checks WHERE contract = ?"
                " ORDER BY at DESC, number DESC LIMIT ?",
                (contract, last),
            )
        ) as found:
            rows = list(found)
        return [
            (datetime.fromtimestamp(at, UTC), score, quarantined / count if count else 0.0)
            for at, score, quarantined, count in reversed(rows)
        ]
