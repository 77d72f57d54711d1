"""Sizes and names: files of one idea, functions of one screen, and nothing of one machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES_MAX = 600
FILE_LINES_SOFT = 400
FUNCTION_LINES_MAX = 70
CODE = {".cc", ".h", ".cu", ".cuh", ".py", ".pyi", ".cmake", ".sh", ".proto"}
GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|\.pb\.(h|cc)$")
CATCH_ALL = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}

# Everything whose braces are not code. Numbers come first: 1'000 opens no character literal.
NOISE = re.compile(
    r"""(?P<number>\b\d[\w']*)
      | R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"
      | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])+'
      | //[^\n]* | /\*.*?\*/
      | ^[ \t]*\#(?:\\\n|[^\n])*""",
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
SCOPE = re.compile(
    r"\b(namespace|class|struct|union|enum|extern)\b(?![^{]*\)\s*(const|noexcept)?\s*$)"
)


def tracked(root: Path = ROOT) -> list[Path]:
    """Return the files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return [root / name for name in listed.stdout.split("\0") if name and (root / name).is_file()]


def _sources() -> list[Path]:
    return [p for p in tracked() if p.suffix in CODE and not GENERATED.search(p.name)]


def _blank(match: re.Match[str]) -> str:
    text = match[0]
    return text if match["number"] else '""' + "\n" * text.count("\n")


def cpp_functions(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (first line, lines, its first line's text) of each outermost function body."""
    code = NOISE.sub(_blank, text)
    stack: list[int | None] = []  # the first line of a function, None for any other brace
    begin = 0  # where the statement before the next brace begins
    for i, char in enumerate(code):
        if char not in "{};":
            continue
        if char == "{":
            head = code[begin:i].strip()
            is_function = "(" in head and not SCOPE.search(head) and not head.endswith("=")
            first = begin + len(code[begin:i]) - len(code[begin:i].lstrip())
            nested = any(line is not None for line in stack)
            stack.append(code.count("\n", 0, first) + 1 if is_function and not nested else None)
        elif char == "}" and stack and (line := stack.pop()) is not None:
            last = code.count("\n", 0, i) + 1
            yield line, last - line + 1, code.splitlines()[line - 1].strip()
        begin = i + 1


def python_functions(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield (first line, lines without the docstring, name) of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if ast.get_docstring(node) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            yield node.lineno, lines, node.name


def long_functions(path: Path, text: str) -> list[str]:
    """Return a line for each function of ``text`` over the limit."""
    functions = python_functions if path.suffix in {".py", ".pyi"} else cpp_functions
    return [
        f"{path}:{line}: {lines} lines: {name}"
        for line, lines, name in functions(text)
        if lines > FUNCTION_LINES_MAX
    ]


def test_files_are_one_idea() -> None:
    sizes = {p.relative_to(ROOT).as_posix(): len(p.read_text().splitlines()) for p in _sources()}
    for path, lines in sizes.items():
        if lines > FILE_LINES_SOFT:
            warnings.warn(f"{path} has {lines} lines; is it still one idea?", stacklevel=1)
    assert {p: n for p, n in sizes.items() if n > FILE_LINES_MAX} == {}


def test_functions_fit_a_screen() -> None:
    suffixes = {".cc", ".h", ".cu", ".cuh", ".py"}
    found = []
    for path in _sources():
        if path.suffix in suffixes:
            found += long_functions(path.relative_to(ROOT), path.read_text())
    assert found == []


def catch_all_names(path: str, text: str) -> list[str]:
    """Return a line for each file, folder or type that is named for nothing in particular."""
    found = []
    parts = re.split(r"[/_.\-]", path.lower())
    if CATCH_ALL & set(parts):
        found.append(f"{path}: a name that says nothing")
    for name in re.findall(r"^\s*(?:class|struct)\s+(\w+)", text, re.MULTILINE):
        words = re.findall(r"[A-Z][a-z]+", name)
        if CATCH_ALL & {word.lower() for word in words}:
            found.append(f"{path}: type {name}")
    return found


def test_names_say_something() -> None:
    found = []
    for path in _sources():
        found += catch_all_names(path.relative_to(ROOT).as_posix(), path.read_text())
    assert found == []


@cache
def registry_hosts() -> frozenset[str]:
    """Return the hosts of the package registries, as this machine's own clients are set up."""
    settings = [p.read_text() for p in Path("/etc/apt").glob("sources.list*/*") if p.is_file()]
    settings += [p.read_text() for p in [Path("/etc/apt/sources.list")] if p.is_file()]
    pip = [sys.executable, "-m", "pip", "config", "list"]
    settings.append(subprocess.run(pip, capture_output=True, text=True, check=False).stdout)
    from pip._internal.models.index import PyPI

    settings.append(f"{PyPI.url} https://{PyPI.file_storage_domain}/")
    url = re.compile(r"\w+://(?:[^/\s@]*@)?([\w.-]+\.\w+)")
    return frozenset(host for text in settings for host in url.findall(text))


def machine_strings(text: str, root: Path = ROOT) -> set[str]:
    """Return the registry hosts and the absolute paths of one machine that stand in ``text``."""
    found = {host for host in registry_hosts() if host in text}
    found |= set(re.findall(r"(?<![\w.~/])/(?:home|Users)/\w+|(?<![\w.~/])/(?:root)/", text))
    parent = f"{root.parent}/"
    if len(root.parent.parts) > 2 and parent in text:
        found.add(parent)
    return found


def test_nothing_of_one_machine_is_committed() -> None:
    found = {}
    for path in tracked():
        if path.suffix in {".png", ".onnx", ".parquet"}:
            continue
        strings = machine_strings(path.read_text(errors="replace"))
        if strings:
            found[path.relative_to(ROOT).as_posix()] = sorted(strings)
    assert found == {}


# The checks above must be able to fail.


def _function(lines: int) -> str:
    body = "".join(f"  step({i});\n" for i in range(lines - 2))
    return f"int run(const char* a) const {{\n{body}}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_function(70), 0),
        (_function(71), 1),
        ("namespace a {\nclass B : public C {\n public:\n" + _function(71) + "};\n}\n", 1),
        ("namespace a {\n" + _function(40) + _function(40) + "}\n", 0),
        ("// {\nconst char* kX = \"(){\"; char c = '{'; int n = 1'000;\n" + _function(71), 1),
        ("constexpr int kTable[] = {\n" + "  f(1),\n" * 90 + "};\n", 0),
        ("#define M(x) { \\\n" + "  x \\\n" * 80 + "}\n", 0),
        ("struct Options {\n" + "  int a = 0;\n" * 90 + "};\n", 0),
        ("TEST(A, b) {\n" + "  step();\n" * 70 + "}\n", 1),
        ("Foo make(struct Bar* b) {\n" + "  step();\n" * 70 + "}\n", 1),
        ('auto x = R"(\n' + "{ f() {\n" * 90 + ')";\n', 0),
    ],
)
def test_long_cpp_functions_are_found(text: str, expected: int) -> None:
    assert len(long_functions(Path("x.cc"), text)) == expected


def test_long_python_functions_are_found_and_docstrings_are_free() -> None:
    body = "    step()\n" * 70
    doc = '    """One.\n' + "    more\n" * 50 + '    """\n'
    assert len(long_functions(Path("x.py"), f"def f():\n{body}")) == 1
    assert long_functions(Path("x.py"), f"def f():\n{doc}{body[:-11]}") == []


@pytest.mark.parametrize("path", ["csrc/utils/a.h", "src/string_utils.cc", "python/x/common.py"])
def test_catch_all_file_names_are_found(path: str) -> None:
    assert catch_all_names(path, "") != []


def test_catch_all_type_names_are_found() -> None:
    assert catch_all_names("csrc/base/a.h", "class SessionManager final {\n") != []
    assert catch_all_names("csrc/base/a.h", "class CommonnessSketch {\n") == []


def test_strings_of_one_machine_are_found() -> None:
    home = "/".join(["", "home", "alice"])
    assert machine_strings(f"cd {home}/project") == {home}
    assert machine_strings("/opt/x/project/build", Path("/opt/x/project")) == {"/opt/x/"}
    assert machine_strings("~/home/x and $HOME/y and docs/home/z") == set()
    host = next(iter(registry_hosts()))
    assert machine_strings(f"https://{host}/simple") == {host}
