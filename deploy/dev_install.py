"""Make a virtual environment use the development build, as an editable install would.

Run by the environment's own Python. Puts ``build/dev/python`` (the package and its compiled
extension) on the path, writes launchers for ``[project.scripts]`` and links the C++ programs beside
them, so that inside ``.venv`` everything is found where an installed wheel would put it. With
``--requirements`` it only prints, one a line, what has to be installed, so that pyproject.toml
stays the one list.
"""

import re
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "dev"
PROGRAMS = {"mlops-server": "src/mlops-server", "mlops-loadgen": "bench/loadgen/mlops-loadgen"}
LAUNCHER = """\
#!{python}
import sys
from {module} import {function}
sys.exit({function}())
"""


def requirements(project: dict[str, Any]) -> list[str]:
    """Return the runtime requirements and those of the ``dev`` extra, own extras expanded."""
    extras = project["optional-dependencies"]
    found: list[str] = []
    wanted = [*project["dependencies"], *extras["dev"]]
    while wanted:
        requirement = wanted.pop(0)
        own = re.fullmatch(rf"{project['name']}\[(.+)\]", requirement)
        if own:
            wanted += [r for extra in own[1].split(",") for r in extras[extra.strip()]]
        elif requirement not in found:
            found.append(requirement)
    return found


def version() -> str:
    """Return the version that CMakeLists.txt declares."""
    match = re.search(
        r"project\(mlops_engine VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text()
    )
    if match is None:
        raise SystemExit("dev_install: CMakeLists.txt declares no version")
    return match[1]


def install(project: dict[str, Any]) -> None:
    """Write the path file, the distribution's metadata and the launchers into this environment."""
    site = Path(sysconfig.get_path("purelib"))
    scripts = Path(sysconfig.get_path("scripts"))
    (site / "mlops_engine_dev.pth").write_text(f"{BUILD / 'python'}\n")
    for stale in site.glob("mlops_engine-*.dist-info"):
        for file in stale.iterdir():
            file.unlink()
        stale.rmdir()
    info = site / f"mlops_engine-{version()}.dist-info"
    info.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version()}\n"
    (info / "METADATA").write_text(metadata)
    for name, target in project["scripts"].items():
        module, function = target.split(":")
        launcher = scripts / name
        launcher.write_text(
            LAUNCHER.format(python=sys.executable, module=module, function=function)
        )
        launcher.chmod(0o755)
    for name, program in PROGRAMS.items():
        link = scripts / name
        link.unlink(missing_ok=True)
        link.symlink_to(BUILD / program)


def main() -> None:
    """Print the requirements, or install."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    if sys.argv[1:] == ["--requirements"]:
        print("\n".join(requirements(project)))
        return
    if sys.prefix == sys.base_prefix:
        raise SystemExit("dev_install: run it with the Python of a virtual environment")
    install(project)


if __name__ == "__main__":
    main()
