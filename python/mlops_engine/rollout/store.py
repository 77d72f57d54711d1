"""Where rollouts and their audit log are kept: one SQLite file."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_engine.errors import AlreadyExists, NotFound

__all__ = ["Record", "Store"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rollouts (
  id TEXT PRIMARY KEY, model TEXT NOT NULL, plan TEXT NOT NULL, state TEXT NOT NULL,
  step INTEGER NOT NULL, entered REAL NOT NULL, approved INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL DEFAULT '', seen TEXT NOT NULL DEFAULT '{}');
CREATE UNIQUE INDEX IF NOT EXISTS one_of_a_model ON rollouts (model)
  WHERE state IN ('running', 'waiting', 'held');
CREATE TABLE IF NOT EXISTS audit (
  number INTEGER PRIMARY KEY AUTOINCREMENT, rollout TEXT NOT NULL, at REAL NOT NULL,
  event TEXT NOT NULL, evidence TEXT NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
"""


@dataclass(frozen=True)
class Record:
    """A rollout as it is kept."""

    id: str
    model: str
    plan: dict[str, Any]
    state: str
    step: int
    entered: float
    approved: bool
    reason: str
    seen: dict[str, Any] = field(default_factory=dict)  # `Observed.to_json`


class Store:
    """Rollouts that outlive their controller. Thread-safe; each change is one transaction."""

    def __init__(self, path: str | Path = "rollouts.db") -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_SCHEMA)
        self._add_seen()

    # Files of before evidence was kept.
    def _add_seen(self) -> None:
        columns = [row[1] for row in self._connection.execute("PRAGMA table_info(rollouts)")]
        if "seen" not in columns:
            self._connection.execute(
                "ALTER TABLE rollouts ADD COLUMN seen TEXT NOT NULL DEFAULT '{}'"
            )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, record: Record, evidence: Mapping[str, Any]) -> None:
        """Keep a new rollout. `AlreadyExists` when its id, or its model's rollout, is there."""
        row = (record.id, record.model, json.dumps(record.plan), record.state, record.step)
        with self._lock, self._transaction():
            try:
                self._connection.execute(
                    "INSERT INTO rollouts (id, model, plan, state, step, entered)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (*row, record.entered),
                )
            except sqlite3.IntegrityError:
                raise AlreadyExists(
                    f"rollout {record.id!r}, or one of model {record.model!r}, is there"
                ) from None
            self._note(record.id, record.entered, "started", evidence)

    def get(self, rollout: str) -> Record:
        """Return a rollout, by its id. `NotFound` without one."""
        found = self._read("WHERE id = ?", (rollout,))
        if not found:
            raise NotFound(f"no rollout {rollout!r}")
        return found[0]

    def all(self) -> list[Record]:
        """Return every rollout."""
        return self._read("ORDER BY entered", ())

    def change(
        self,
        rollout: str,
        at: float,
        event: str,
        evidence: Mapping[str, Any],
        **members: Any,
    ) -> None:
        """Change members and say in the audit log why, both or neither."""
        names = ", ".join(f"{name} = ?" for name in members)
        with self._lock, self._transaction():
            if members:
                self._connection.execute(
                    f"UPDATE rollouts SET {names} WHERE id = ?", (*members.values(), rollout)
                )
            self._note(rollout, at, event, evidence)

    def see(self, rollout: str, seen: Mapping[str, Any]) -> None:
        """Keep what a look has seen; no decision, so nothing for the audit log."""
        with self._lock, self._transaction():
            self._connection.execute(
                "UPDATE rollouts SET seen = ? WHERE id = ?", (json.dumps(seen), rollout)
            )

    def audit(self, rollout: str) -> list[dict[str, Any]]:
        """Return what happened, in order."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT at, event, evidence FROM audit WHERE rollout = ? ORDER BY number",
                (rollout,),
            ).fetchall()
        return [{"at": at, "event": event, **json.loads(text)} for at, event, text in rows]

    def _note(self, rollout: str, at: float, event: str, evidence: Mapping[str, Any]) -> None:
        self._connection.execute(
            "INSERT INTO audit (rollout, at, event, evidence) VALUES (?, ?, ?, ?)",
            (rollout, at, event, json.dumps(evidence)),
        )

    def _read(self, where: str, values: tuple[Any, ...]) -> list[Record]:
        with self._lock:
            rows = self._connection.execute(
                "SELECT id, model, plan, state, step, entered, approved, reason, seen"
                " FROM rollouts " + where,
                values,
            ).fetchall()
        return [
            Record(
                id,
                model,
                json.loads(plan),
                state,
                step,
                entered,
                bool(approved),
                reason,
                json.loads(seen),
            )
            for id, model, plan, state, step, entered, approved, reason, seen in rows
        ]

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)


class _Transaction:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("ROLLBACK" if kind else "COMMIT")
