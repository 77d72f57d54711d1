"""OpenLineage events of a run, one JSON a line, as its file transport writes them."""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from .report import CheckReport
from .whole import as_utc

__all__ = ["dataset", "write_event"]

_PRODUCER = "urn:mlops-engine"
_SPEC = "https://openlineage.io/spec"
_RUN_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_VERSION = f"{_SPEC}/facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
_ASSERTIONS = (
    f"{_SPEC}/facets/1-0-2/DataQualityAssertionsDatasetFacet.json"
    "#/$defs/DataQualityAssertionsDatasetFacet"
)


def dataset(
    namespace: str, name: str, digest: str | None = None, report: CheckReport | None = None
) -> dict[str, Any]:
    """Return a dataset as events have it: its version is the digest, its rules are assertions."""
    found: dict[str, Any] = {"namespace": namespace, "name": name}
    if digest is not None:
        found["facets"] = {"version": {**_facet(_VERSION), "datasetVersion": digest}}
    if report is not None:
        broken = [
            {"assertion": finding.rule, "success": False}
            for finding in (*report.errors, *report.warnings)
        ]
        assertions = [{"assertion": f"contract {report.contract}", "success": report.ok}, *broken]
        facet = {**_facet(_ASSERTIONS), "assertions": assertions}
        found["inputFacets"] = {"dataQualityAssertions": facet}
    return found


def write_event(
    path: str | Path,
    kind: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL"],
    *,
    run: uuid.UUID,
    job: tuple[str, str],
    at: datetime,
    inputs: Iterable[Mapping[str, Any]] = (),
    outputs: Iterable[Mapping[str, Any]] = (),
) -> None:
    """Append an event to a file; several processes may.

    Parameters
    ----------
    job
        Namespace and name.
    """
    # What a contract found is of the data that was read.
    event = {
        "eventType": kind,
        "eventTime": as_utc(at).isoformat(),
        "run": {"runId": str(run)},
        "job": {"namespace": job[0], "name": job[1]},
        "inputs": list(inputs),
        "outputs": [{k: v for k, v in each.items() if k != "inputFacets"} for each in outputs],
        "producer": _PRODUCER,
        "schemaURL": _RUN_EVENT,
    }
    line = json.dumps(event, separators=(",", ":")).encode() + b"\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        while line:
            line = line[os.write(descriptor, line) :]
    finally:
        os.close(descriptor)


def _facet(schema: str) -> dict[str, str]:
    return {"_producer": _PRODUCER, "_schemaURL": schema}
