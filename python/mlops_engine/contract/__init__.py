"""Contracts: what data has to be, in one TOML file, for training, for batches and at the door.

>>> import polars as pl
>>> from datetime import UTC, datetime
>>> from mlops_engine.contract import Contract
>>> contract = Contract.from_toml(
...     {"name": "trips", "columns": {"miles": {"type": "number", "min": 0, "max": 5000}}}
... )
>>> report = contract.check(pl.DataFrame({"miles": [12, -1, 80]}), datetime.now(UTC))
>>> report.good.height, report.quarantined["quarantined_by"].to_list(), report.ok
(2, [['miles.min']], True)

docs/contracts.md says what can be declared.
"""

from mlops_engine.contract.contract import Contract
from mlops_engine.contract.history import History
from mlops_engine.contract.report import CheckReport, Finding

__all__ = ["CheckReport", "Contract", "Finding", "History"]
