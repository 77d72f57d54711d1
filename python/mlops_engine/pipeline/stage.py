"""A stage: a function of its configuration and of what earlier stages left, and what decides it."""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops_engine.errors import InvalidArgument
from mlops_engine.train.progress import Progress

from .plan import Plan

__all__ = ["Context", "Facts", "Stage", "load_hook"]

# What a stage found out, as JSON; the same input gives the same facts. `failed` lists the reasons
# for which a run ends here, with exit status 10.
Facts = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One step.

    Attributes
    ----------
    inputs
        Stages whose files and facts it reads.
    reads
        Sections of the file that decide its result.
    needs
        A section without which the stage is left out.
    code, libraries
        Modules whose source, and distributions whose version, decides its result.
    observe
        Returns what else decides: the digests of files that are read, the state of a registry.
    """

    name: str
    run: Callable[[Context], Facts]
    inputs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    needs: str | None = None
    code: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    observe: Callable[[Context], Any] | None = None


@dataclass(frozen=True)
class Context:
    """What a stage, or a hook in its place, is given.

    Attributes
    ----------
    out
        An empty folder for what it makes; kept if the stage ends well.
    scratch
        A folder that is still there when the stage is tried again after a failure or a kill.
    inputs, facts
        Folders of earlier stages, which are only read, and what they found out.
    environ
        The environment's variables: secrets are looked for there.
    """

    plan: Plan
    stage: Stage
    out: Path
    scratch: Path
    inputs: Mapping[str, Path]
    facts: Mapping[str, Facts]
    progress: Progress
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    def section(self, name: str) -> Any:
        """Return the record of a section; `InvalidArgument` if the file has none."""
        try:
            return self.plan.sections[name]
        except KeyError:
            raise InvalidArgument(f"the section [{name}] is missing") from None

    @property
    def seed(self) -> int:
        """Of everything random."""
        return self.plan.pipeline.seed

    def path(self, written: str) -> Path:
        """Return a path as the file means it: relative to the file's folder."""
        return self.plan.folder / Path(written).expanduser()

    def default(self) -> Facts:
        """Do what the stage does without a hook."""
        return self.stage.run(self)

    def write_json(self, name: str, value: Any) -> None:
        """Write a document among the stage's files."""
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        (self.out / name).write_text(f"{text}\n")

    def read_json(self, stage: str, name: str) -> Any:
        """Read a document that an earlier stage wrote."""
        return json.loads((self.inputs[stage] / name).read_text())


def load_hook(plan: Plan, name: str) -> Callable[[Context], Facts]:
    """Import `module:function`; the module may lie beside the file of the pipeline.

    Raises
    ------
    InvalidArgument
        If there is no such module or function.
    """
    module, _, function = name.partition(":")
    try:
        found = getattr(import_beside(plan.folder, module), function)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"hook {name!r}: {error}") from error
    if not callable(found):
        raise InvalidArgument(f"hook {name!r} is no function")
    made: Callable[[Context], Facts] = found
    return made


def hook_source(plan: Plan, name: str) -> Path:
    """Return the file that a hook is defined in."""
    module = name.partition(":")[0]
    beside = plan.folder / f"{module}.py"
    if beside.is_file():
        return beside
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise InvalidArgument(f"hook {name!r}: there is no module {module!r}")
    return Path(spec.origin)


def import_beside(folder: Path, module: str) -> Any:
    """Import a module that lies in a folder, or else one that is installed."""
    beside = folder / f"{module}.py"
    if not beside.is_file():
        return importlib.import_module(module)
    # Under a name of its own: two files of pipelines may each have their `hooks.py`.
    own = f"_mlops_hook_{abs(hash(beside))}_{module}"
    spec = importlib.util.spec_from_file_location(own, beside)
    if spec is None or spec.loader is None:
        raise ImportError(f"{beside} cannot be imported")
    made = importlib.util.module_from_spec(spec)
    sys.modules[own] = made
    spec.loader.exec_module(made)
    return made


def present(stages: Iterable[Stage], plan: Plan) -> list[Stage]:
    """Return the stages that a plan has, in order."""
    return [s for s in stages if s.needs is None or s.needs in plan.sections]
