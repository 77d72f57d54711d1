"""Stubs tell the truth about the compiled module, and a type checker sees what users see."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
from pathlib import Path

import pytest

import mlops_engine as me
from mlops_engine import errors
from mlops_engine._native import core

ROOT = Path(__file__).parents[3]
STUB = ROOT / "python" / "mlops_engine" / "_core.pyi"
EXAMPLES = ROOT / "tests" / "typing" / "engine_types.py"


def stub_names(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    names = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names[node.target.id] = node
    return names


def members_of(node: ast.ClassDef, stub: dict[str, ast.stmt]) -> set[str]:
    """What a class of the stub has, with what bases have that exist for the type checker alone."""
    names = set(stub_names(node.body))
    for base in node.bases:
        parent = stub.get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(parent, ast.ClassDef):
            names |= members_of(parent, stub)
    return names


def test_the_stub_names_what_the_module_has() -> None:
    stub = stub_names(ast.parse(STUB.read_text()).body)
    typing_only = {"_SupportsArray", "_SupportsDLPack", "_Input", "_Parameter", "_Outputs"}
    typing_only |= {"_Detector"}
    public = {n for n in vars(core) if not n.startswith("__")} | {"__version__"}
    assert set(stub) - typing_only == public
    for name, node in stub.items():
        if name not in typing_only and isinstance(node, ast.ClassDef):
            members = vars(getattr(core, name))
            ours = {n for n in members if not n.startswith("__") and n != "_pybind11_conduit_v1_"}
            assert members_of(node, stub) - {"__init__"} == ours, name


@pytest.mark.parametrize("method", ["infer", "submit", "infer_async"])
def test_the_stub_has_the_parameters_of_the_method(method: str) -> None:
    node = stub_names(ast.parse(STUB.read_text()).body)["Engine"]
    assert isinstance(node, ast.ClassDef)
    stub = stub_names(node.body)[method]
    assert isinstance(stub, ast.FunctionDef)
    real = inspect.signature(getattr(me.Engine, method)).parameters
    keyword_only = [p.name for p in real.values() if p.kind is p.KEYWORD_ONLY]
    assert [a.arg for a in stub.args.args] + keyword_only == list(real)
    assert [a.arg for a in stub.args.kwonlyargs] == keyword_only
    assert all(real[name].default is None for name in keyword_only)


def test_every_public_name_is_documented() -> None:
    for name in me.__all__:
        if name != "__version__":
            assert inspect.getdoc(getattr(me, name)), name
    for name, member in inspect.getmembers(me.Engine):
        if not name.startswith("_"):
            assert inspect.getdoc(member), name


def examples() -> dict[str, tuple[str, dict[str, object]]]:
    """Docstrings with examples, by name, and the names that they may use."""
    documented: dict[str, tuple[object, dict[str, object]]] = {
        "errors": (errors, {}),
        "Engine": (me.Engine, {"Engine": me.Engine}),
        "TensorSpec": (me.TensorSpec, {"TensorSpec": me.TensorSpec}),
        **{m: (getattr(me.Engine, m), {}) for m in ("infer", "submit", "infer_async")},
    }
    return {
        name: (inspect.getdoc(thing) or "", names) for name, (thing, names) in documented.items()
    }


@pytest.mark.parametrize("name", examples())
def test_examples_in_docstrings_run(name: str) -> None:
    text, names = examples()[name]
    test = doctest.DocTestParser().get_doctest(text, names, name, None, None)
    assert test.examples
    assert doctest.DocTestRunner().run(test).failed == 0


def test_what_mypy_reveals() -> None:
    """Every reveal_type line shows the type in its comment, every error line its error."""
    api = pytest.importorskip("mypy.api")
    arguments = ["--strict", "--no-error-summary", "--hide-error-context", "--no-pretty"]
    arguments += ["--config-file=", "--cache-dir", str(ROOT / ".mypy_cache" / "typing")]
    report, problems, _ = api.run([*arguments, "--follow-imports=silent", str(EXAMPLES)])
    assert problems == ""
    said: dict[int, str] = {}
    for line in report.splitlines():
        match = re.fullmatch(
            r'.*?:(\d+): (?:note: Revealed type is "(.*)"|error: .*\[(.*)\])', line
        )
        if match:
            number, revealed, error = match.groups()
            said[int(number)] = f"error: {error}" if error else re.sub(r"\b(\w+\.)+", "", revealed)
    expected = {
        number: line.rpartition("  # ")[2]
        for number, line in enumerate(EXAMPLES.read_text().splitlines(), 1)
        if "  # " in line
    }
    assert said == expected
