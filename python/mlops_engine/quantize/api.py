"""`quantize`: the one call, importable without the libraries that it needs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import MissingExtraError
from .options import QuantizeOptions
from .outcome import Outcome

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

REQUIRED = ("onnx", "onnxruntime.quantization")


def quantize(
    source: str | os.PathLike[str],
    repository: str | os.PathLike[str],
    rows: Mapping[str, npt.NDArray[np.generic]] | str | os.PathLike[str],
    options: QuantizeOptions | None = None,
    *,
    name: str | None = None,
    held_out: Mapping[str, npt.NDArray[np.generic]] | str | os.PathLike[str] | None = None,
    labels: npt.NDArray[np.generic] | str | os.PathLike[str] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Make a variant of a model, judge it on this machine, publish it if it is right and faster.

    Parameters
    ----------
    source
        The float model, an ONNX file.
    repository
        Where `<name>/<next version>/` is written: `model.onnx`, `quantization.json`, `bundle.json`.
    rows
        Arrays by input name, or an .npz (.npy for one input) of them, from real requests. They
        calibrate; unless `held_out` is given, every fourth is kept back to judge.
    options
        Default: dynamic quantization.
    name
        Of the published model. Default: `<source's name>_<method>`.
    held_out
        Rows that judge.
    labels
        Of the held-out rows, for the metrics `accuracy` and `accuracy_drop`.
    say
        Called with each line of progress.

    Raises
    ------
    QuantizeError
        For a model, rows or options that do not go together. A variant that is refused raises
        nothing: see `Outcome.refusals`.
    """
    for package in REQUIRED:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtraError(error.name or package) from error
    from .pipeline import Job, run

    job = Job(Path(source), Path(repository), rows, held_out, labels, name)
    return run(job, options or QuantizeOptions(), say)
