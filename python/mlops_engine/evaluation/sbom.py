"""What software made a model, as CycloneDX 1.6 JSON: the packages, what they need, and the model.

The document is written by hand rather than by cyclonedx-python-lib: a bundle needs names, versions,
licences and digests, which is one page, and the library would be one more dependency of everyone
who trains. `tests/peers` has the library's strict validator read the result. There is no time and
no serial number in it: equal environments give equal bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

import msgspec

from mlops_engine.errors import NotFound

__all__ = ["FILE_NAME", "sbom"]

FILE_NAME = "sbom.cdx.json"
# Of the licences that are written as a name, those whose SPDX identifier is certain.
_SPDX = re.compile(r"[A-Za-z0-9.+-]+(?: (?:AND|OR|WITH) [A-Za-z0-9.+-]+)*")
_REQUIREMENT = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


def sbom(name: str, version: str, files: Mapping[str, bytes], packages: Iterable[str]) -> bytes:
    """Describe a model.

    Parameters
    ----------
    files
        Contents of the model's files by name; their SHA-256 is written.
    packages
        Installed distributions that it was made with; what they need is found.

    Raises
    ------
    NotFound
        A package of `packages` is not installed.
    """
    packages = list(packages)
    found = _closure(packages)
    model = {
        "type": "machine-learning-model",
        "bom-ref": f"model:{name}@{version}",
        "name": name,
        "version": version,
        "components": [_file(each, files[each]) for each in sorted(files)],
    }
    edges = [{"ref": model["bom-ref"], "dependsOn": [_purl(found[r]) for r in _roots(packages)]}]
    for each in sorted(found):
        needed = sorted(_purl(found[other]) for other in _needs(found[each]) & set(found))
        edges.append({"ref": _purl(found[each]), "dependsOn": needed})
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": model},
        "components": [_component(found[each]) for each in sorted(found)],
        "dependencies": edges,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _roots(packages: Iterable[str]) -> list[str]:
    return sorted({_canonical(each) for each in packages})


def _closure(packages: Iterable[str]) -> dict[str, metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    roots = set(_roots(packages))
    waiting = sorted(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            if name in roots:
                raise NotFound(f"package {name!r} is not installed") from None
            continue  # an optional dependency that is not there
        waiting += _needs(found[name])
    return found


def _needs(distribution: metadata.Distribution) -> set[str]:
    """Return the names of what it requires, without extras."""
    needed = [r for r in distribution.requires or () if "extra ==" not in r.replace('"', "'")]
    return {_canonical(m[0]) for r in needed if (m := _REQUIREMENT.match(r))}


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _purl(distribution: metadata.Distribution) -> str:
    return f"pkg:pypi/{_canonical(distribution.metadata['Name'])}@{distribution.version}"


def _component(distribution: metadata.Distribution) -> dict[str, Any]:
    described = distribution.metadata.json
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": _purl(distribution),
        "name": _canonical(distribution.metadata["Name"]),
        "version": distribution.version,
        "purl": _purl(distribution),
    }
    expression, said = (str(described.get(key, "")) for key in ("license_expression", "license"))
    if _SPDX.fullmatch(expression):
        component["licenses"] = [{"expression": expression}]
    elif 0 < len(said) <= 100 and "\n" not in said:  # some packages put the whole text there
        component["licenses"] = [{"license": {"name": said}}]
    return component


def _file(name: str, data: bytes) -> dict[str, Any]:
    digest = {"alg": "SHA-256", "content": hashlib.sha256(data).hexdigest()}
    return {"type": "file", "bom-ref": f"file:{name}", "name": name, "hashes": [digest]}
