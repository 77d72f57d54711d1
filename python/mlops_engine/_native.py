"""The one importer of the compiled core: checks that it is there and of this version."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

__all__ = ["__version__", "check_version", "core", "onnxruntime_libraries"]

__version__ = "0.1.0"

try:
    from mlops_engine import _core as core
except ImportError as error:
    raise ImportError(
        f"the compiled core of mlops_engine cannot be loaded by Python "
        f"{sys.version_info.major}.{sys.version_info.minor} ({error}); install the wheel made "
        f"for this Python, or run `make build` in a checkout"
    ) from error


def check_version(found: str, where: str) -> None:
    """Raise ImportError unless a core of version `found` belongs to this package."""
    if found != __version__:
        raise ImportError(
            f"mlops_engine {__version__} found a compiled core of version {found} at {where}; "
            f"the two must be installed together"
        )


check_version(core.__version__, str(core.__file__))


def onnxruntime_libraries() -> list[str]:
    """Paths at which ONNX Runtime may be found, best first, without importing it.

    The library inside the installed ``onnxruntime`` (or ``onnxruntime-gpu``) package, newest first,
    then what the core itself would try.
    """
    found: list[Path] = []
    spec = importlib.util.find_spec("onnxruntime")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        found += Path(folder, "capi").glob("libonnxruntime.so*")
    found.sort(key=_numbers_in_name, reverse=True)
    fallbacks = core.ort_library_candidates(str(Path(sys.executable).parent))
    paths = [str(path) for path in found]
    return paths + [path for path in fallbacks if path not in paths]


def _numbers_in_name(path: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", path.name)]
