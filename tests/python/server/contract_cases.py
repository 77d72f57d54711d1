"""The cases of tests/contract, the repository that serves them, and what equal answers are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).parents[2] / "contract"
Case = dict[str, Any]

# `in` and `out` of one type and shape; dims are without the batch axis.
_IDENTITY = """
backend: "identity"
max_batch_size: 64
input [{{ name: "in" data_type: TYPE_{type} dims: {dims} }}]
output [{{ name: "out" data_type: TYPE_{type} dims: {dims} }}]
"""


def cases(folder: str, stem: str = "*") -> Iterator[tuple[str, Case]]:
    """Every case of one folder of tests/contract, each with a name that finds it again."""
    for file in sorted((CONTRACT / folder).glob(f"{stem}.json")):
        for case in json.loads(file.read_text()):
            yield f"{file.stem}: {case['name']}", case


def build_models(repository: Path) -> None:
    models = json.loads((CONTRACT / "models.json").read_text())["models"]
    for name, model in models.items():
        kind = "STRING" if model["datatype"] == "BYTES" else model["datatype"]
        (repository / name / "1").mkdir(parents=True)
        config = _IDENTITY.format(type=kind, dims=model["dims"][1:])
        (repository / name / "config.pbtxt").write_text(config)


def same(expected: Any, got: Any) -> bool:
    """Equality as JSON means it: 1 is 1.0, but true is not 1."""
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(same(expected[k], got[k]) for k in expected)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    return bool(expected == got)


def differences(expected: Case, text: str, binary: bytes = b"") -> list[str]:
    """What an answer, its JSON part and what follows that, lacks of a case's response."""
    found = []
    if not ({"json", "json_contains", "error_contains"} & expected.keys()):
        answer = {}
    else:
        answer = json.loads(text)
    if "json" in expected and not same(expected["json"], answer):
        found.append(f"not {expected['json']}")
    for key, value in expected.get("json_contains", {}).items():
        if not same(value, answer.get(key)):
            found.append(f"{key} is not {value}")
    if expected.get("error_contains", "") not in answer.get("error", ""):
        found.append(f"the error does not contain {expected['error_contains']!r}")
    if expected.get("text_contains", "") not in text:
        found.append(f"the text does not contain {expected['text_contains']!r}")
    if binary != bytes.fromhex(expected.get("binary_hex", "")):
        found.append(f"binary {binary.hex()}")
    return found
