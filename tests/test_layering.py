"""The layer rules of docs/ARCHITECTURE.md, read off every #include and import. No exemptions."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# A folder includes itself and lower levels; folders on one level never include each other.
CORE_LEVELS = {
    "base": 0,
    "tensor": 1,
    "request": 2,
    "model": 2,
    "trees": 2,
    "gemm": 2,
    "route": 3,
    "cache": 3,
    "batch": 3,
    "execute": 3,
    "observe": 3,
    "detect": 3,
    "labels": 3,
    "cuda": 3,
    "engine": 4,
    "bindings": 5,
    "capi": 5,
}
# The same inside src/, which stands above the whole core. The root of src/ ("") composes the rest.
SERVER_LEVELS = {"protocol": 0, "net": 1, "access": 1}
SERVER_LEVELS |= {"http": 2, "h2": 2, "shm": 2, "tls": 2, "admin": 2}
SERVER_LEVELS |= {"grpc": 3, "client": 3, "telemetry": 4, "store": 4, "": 5}

# (what, include patterns, where alone it may stand)
OWNED_INCLUDES = [
    ("ONNX Runtime", ["onnxruntime*"], ["csrc/execute/ort_*", "bench/micro/bare_ort.cc"]),
    ("OpenVINO", ["openvino*"], ["csrc/execute/openvino_*"]),
    ("CUDA", ["cuda*.h", "nvml.h", "nvtx*"], ["csrc/cuda/*", "csrc/engine/assemble.cc"]),
    ("Python", ["pybind11/*", "Python.h"], ["csrc/bindings/*"]),
    (
        "sockets",
        ["sys/socket.h", "sys/epoll.h", "sys/un.h", "netinet/*", "arpa/*", "netdb.h", "liburing.h"],
        ["src/*", "bench/*", "tests/*"],
    ),
    (
        "HTTP, JSON, protobuf and TLS",
        ["nghttp2/*", "rapidjson/*", "google/protobuf/*", "*.pb.h", "openssl/*", "zlib.h"],
        ["src/*", "bench/*", "tests/*"],
    ),
]
# What src/protocol must not see: it is a pure function of bytes, and fuzzed as one.
IO_INCLUDES = [*OWNED_INCLUDES[4][1], "nghttp2/*", "openssl/*", "unistd.h", "fcntl.h", "poll.h"]
IO_INCLUDES += ["fstream", "sys/uio.h", "sys/eventfd.h", "thread"]

# Chapters of the Python package that nothing which serves imports.
OFFLINE = {"cli", "contract", "demo", "examples", "features", "pipeline", "quantize", "train"}
ML_FRAMEWORKS = {"lightgbm", "onnx", "onnxmltools", "pandas", "polars", "scipy", "sklearn", "torch"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
PRINTING = re.compile(r"\bstd::(cout|cerr|clog)\b|(?<![\w:])(std::)?(f?printf|puts|perror)\s*\(")


def _cpp_files(root: Path) -> Iterator[tuple[str, str]]:
    for top in ("csrc", "src", "bench"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in {".h", ".cc", ".cu", ".cuh"}:
                yield path.relative_to(root).as_posix(), path.read_text()


def _allowed(path: str, patterns: list[str]) -> bool:
    return any(fnmatch(path, pattern) for pattern in patterns)


def _layer_violation(path: str, include: str) -> str | None:
    """Return what is wrong with a quoted include, judged by the folders of both sides alone."""
    top, *folders, _ = path.split("/")
    folder = folders[0] if folders else ""
    target = include.split("/")[0] if "/" in include else ""
    if target in {"tests", "bench"} or include.startswith(".."):
        return f"{path}: {include} is not relative to csrc/ or src/, or is a test"
    if top == "csrc":
        if folder not in CORE_LEVELS:
            return f"{path}: folder {folder!r} has no level in CORE_LEVELS"
        if target not in CORE_LEVELS:
            return f"{path}: includes {include}, which is no folder of the core"
        if target != folder and CORE_LEVELS[target] >= CORE_LEVELS[folder]:
            return f"{path}: {folder}/ must not include {target}/ ({include})"
    if top == "src":
        if folder not in SERVER_LEVELS:
            return f"{path}: folder {folder!r} has no level in SERVER_LEVELS"
        if target in {"bindings", "capi"}:
            return f"{path}: the server does not include {target}/"
        if target in CORE_LEVELS or target == folder:
            return None
        if SERVER_LEVELS.get(target, 99) >= SERVER_LEVELS[folder]:
            return f"{path}: {folder or 'src'}/ must not include {include}"
    return None


def cpp_violations(root: Path) -> list[str]:
    """Return one line for each broken rule in the C++ tree below ``root``."""
    found = []
    for path, text in _cpp_files(root):
        code = COMMENT.sub("", text)
        for quoted, system in INCLUDE.findall(code):
            include = quoted or system
            for what, patterns, places in OWNED_INCLUDES:
                if _allowed(include, patterns) and not _allowed(path, places):
                    found.append(f"{path}: {what} ({include}) belongs in {', '.join(places)}")
            if path.startswith("src/protocol/") and _allowed(include, IO_INCLUDES):
                found.append(f"{path}: src/protocol does no I/O, and includes {include}")
            if quoted and not include.endswith(".pb.h"):
                violation = _layer_violation(path, include)
                found += [violation] if violation else []
        if re.search(r"\bgetenv\s*\(", code) and path != "src/config.cc":
            found.append(f"{path}: the environment is read in src/config.cc alone")
        if path.startswith("csrc/") and PRINTING.search(code):
            found.append(f"{path}: the core prints nothing")
    return found


def _imports(tree: ast.AST, package: str) -> Iterator[tuple[str, bool]]:
    """Yield (absolute module name, whether importing the file imports it)."""
    deferred: set[ast.AST] = set()
    for node in ast.walk(tree):
        lazy = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or (
            isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        )
        if lazy:
            deferred.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node not in deferred
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level > 1 else package
            module = ".".join(filter(None, [base if node.level else "", node.module or ""]))
            for alias in node.names:
                yield f"{module}.{alias.name}", node not in deferred


def python_violations(root: Path) -> list[str]:
    """Return one line for each broken rule in the Python package below ``root``."""
    found = []
    source = root / "python"
    for file in sorted((source / "mlops_engine").rglob("*.py")):
        path = file.relative_to(root).as_posix()
        inside = file.relative_to(source / "mlops_engine").parts
        text = file.read_text()
        package = ".".join(file.relative_to(source).parent.parts)
        offline = inside[0] in OFFLINE
        for module, at_import in _imports(ast.parse(text), package):
            if module.startswith("mlops_engine._core") and inside != ("_native.py",):
                found.append(f"{path}: _native.py alone imports _core")
            private = re.match(r"mlops_engine\.(.*\.)?_(?!_)", module)
            if private and offline:
                found.append(f"{path}: uses only public names, and imports {module}")
            if module.startswith("mlops_engine.train") and not offline:
                found.append(f"{path}: nothing that serves imports train/")
            if at_import and module.split(".")[0] in ML_FRAMEWORKS and not offline:
                found.append(f"{path}: import mlops_engine must not pull {module.split('.')[0]}")
        # process.py hands the environment on to children, and takes its own variable out.
        reads_it = inside[0] == "cli" or inside == ("process.py",)
        if re.search(r"\bos\.(environ|getenv)\b", text) and not reads_it:
            found.append(f"{path}: the environment is read in cli/ alone")
    return found


def test_cpp_layers() -> None:
    assert cpp_violations(ROOT) == []


def test_python_layers() -> None:
    assert python_violations(ROOT) == []


def test_the_rules_are_applied_to_real_files() -> None:
    assert sum(1 for _ in _cpp_files(ROOT)) > 20


# Each planted file breaks one rule; a check that lets one through is itself broken.
PLANTED = {
    "csrc/base/a.h": '#include "tensor/tensor.h"',
    "csrc/batch/a.cc": '#include "execute/backend.h"',
    "csrc/model/a.cc": '#include "request/request.h"',
    "csrc/engine/a.cc": '#include "protocol/v2_json.h"',
    "csrc/tensor/a.h": '#include "../base/status.h"',
    "csrc/surprise/a.h": '#include "base/status.h"',
    "csrc/execute/backend.cc": "#include <onnxruntime_c_api.h>",
    "csrc/engine/b.cc": "#include <pybind11/pybind11.h>",
    "csrc/engine/c.cc": "#include <sys/socket.h>",
    "csrc/engine/d.cc": "#include <rapidjson/reader.h>",
    "csrc/execute/e.cc": "#include <cuda_runtime_api.h>",
    "csrc/base/b.cc": 'auto* x = getenv("HOME");',
    "csrc/base/c.cc": 'void f() { std::printf("x"); }',
    "csrc/base/d.cc": 'void f() { std::cerr << "x"; }',
    "src/protocol/a.cc": '#include "http/listener.h"',
    "src/protocol/b.cc": "#include <unistd.h>",
    "src/http/a.cc": '#include "grpc/service.h"',
    "src/h2/a.cc": '#include "grpc/service.h"',
    "src/h2/b.cc": '#include "http/http1_parser.h"',
    "src/grpc/a.cc": '#include "config.h"',
    "src/main.cc": '#include "bindings/errors.h"',
    "src/http/b.cc": 'auto* x = std::getenv("HOME");',
    "python/mlops_engine/engine.py": "from mlops_engine import _core",
    "python/mlops_engine/tensor.py": "from . import _core",
    "python/mlops_engine/cli/run.py": "from .._native import core",
    "python/mlops_engine/server.py": "from .train import pipeline",
    "python/mlops_engine/drift.py": "import polars",
    "python/mlops_engine/registry/s3.py": "import os\nos.environ['X']",
}


@pytest.mark.parametrize("path", PLANTED)
def test_a_planted_violation_is_caught(path: str, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(PLANTED[path] + "\n")
    found = cpp_violations(tmp_path) + python_violations(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(path)


ALLOWED = {
    "csrc/execute/ort_api.h": "#include <onnxruntime_c_api.h>",
    "csrc/engine/a.cc": '#include "base/status.h"\n// std::printf( and getenv( in a comment\n',
    "csrc/base/a.cc": '#include <cstdio>\nvoid f(char* x) { std::snprintf(x, 1, "x"); }',
    "src/http/a.cc": '#include "http/b.h"\n#include "protocol/v2_json.h"\n#include "base/status.h"',
    "src/config.cc": 'auto* x = std::getenv("HOME");',
    "python/mlops_engine/drift.py": "def table():\n    import polars\n    return polars",
}


@pytest.mark.parametrize("path", ALLOWED)
def test_what_the_rules_allow_is_not_flagged(path: str, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(ALLOWED[path] + "\n")
    assert cpp_violations(tmp_path) + python_violations(tmp_path) == []
