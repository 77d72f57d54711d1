"""What importing costs, in modules: time is the machine's."""

from __future__ import annotations

import subprocess
import sys

HEAVY = "{'numpy', 'onnx', 'onnxruntime', 'polars', 'sklearn', 'lightgbm', 'torch', 'mlflow'}"
OPTIONAL = "{'cryptography', 'obstore'}"


def left(statement: str, names: str) -> str:
    code = f"import sys; {statement}; print(sorted(({names}) & set(sys.modules)))"
    return subprocess.check_output([sys.executable, "-c", code], text=True).strip()


def test_the_package_imports_no_framework_and_no_registry() -> None:
    names = f"{HEAVY} | {OPTIONAL} | {{'msgspec', 'mlops_engine.registry', 'sqlite3'}}"
    assert left("import mlops_engine", names) == "[]"


def test_the_registry_imports_no_framework() -> None:
    statement = "import mlops_engine as me; me.registry.resolve"
    assert left(statement, f"{HEAVY} | {OPTIONAL}") == "[]"
