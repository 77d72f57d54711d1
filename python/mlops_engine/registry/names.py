"""Names that come from outside, of models and of files in bundles, and what they may not be.

A name is used as a path below a folder of ours, so it must not lead out of it, must mean the same
file on every file system, and must not be a kind of file that runs code when it is opened.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from mlops_engine.errors import InvalidArgument

PATH_BYTES_MAX, PART_BYTES_MAX, PARTS_MAX = 1024, 255, 8
# Opening one of these with its usual library runs what its author wrote.
CODE_SUFFIXES = {
    ".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".h5", ".hdf5", ".keras",
    ".py", ".pyc", ".so", ".dll", ".dylib", ".exe", ".sh",
}  # fmt: skip
# One of these may unpack to more than the disk holds, or to another place.
ARCHIVE_SUFFIXES = {
    ".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".br", ".7z",
    ".rar", ".whl", ".egg", ".jar", ".npz", ".mar",
}  # fmt: skip
_MODEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,254}")
# Enough of a file's beginning to know it by.
HEAD_BYTES = 512
_ARCHIVE_HEADS = (
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),
    (b"\x1f\x8b\x08", "compressed by gzip"),
    (b"BZh", "compressed by bzip2"),
    (b"\xfd7zXZ\x00", "compressed by xz"),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x7fELF", "a program"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
)
_PICKLE = re.compile(rb"\x80[\x04\x05]\x95|\x80[\x02\x03][\]}(cX)N]")


def check_model_name(name: str) -> str:
    """Return `name`, which is usable as a folder's name and in a URL.

    Raises
    ------
    InvalidArgument
        Otherwise.
    """
    if not _MODEL.fullmatch(name):
        raise InvalidArgument(
            f"{name[:300]!r} is no model name: letters, digits, '_', '-' and '.' are, at most 255,"
            " not beginning with '.' or '-'"
        )
    return name


def check_file_name(name: str) -> str:
    """Return `name`, which is a relative path that stays where it is put.

    Raises
    ------
    InvalidArgument
        If it leads elsewhere, is not one spelling of one file, or is an archive or code.
    """
    reason = _path_fault(name) or _kind_fault(name)
    if reason:
        raise InvalidArgument(f"file name {name[:300]!r} is refused: {reason}")
    return name


def check_file_names(names: Iterable[str]) -> None:
    """Check each name, and that no two of them can meet on a disk.

    Raises
    ------
    InvalidArgument
        For a name that is refused, two that differ in case only, or a file that is also a folder.
    """
    seen: dict[str, str] = {}
    for name in names:
        folded = check_file_name(name).casefold()
        if folded in seen:
            raise InvalidArgument(f"{seen[folded]!r} and {name!r} are one file on some systems")
        seen[folded] = name
    for folded, name in seen.items():
        parts = folded.split("/")
        for count in range(1, len(parts)):
            if "/".join(parts[:count]) in seen:
                raise InvalidArgument(f"{name!r} lies in what is a file itself")


def check_head(name: str, head: bytes) -> None:
    """Look at the beginning of a file, whatever its name says.

    Raises
    ------
    InvalidArgument
        If it is an archive, a pickle or a program.
    """
    for magic, what in _ARCHIVE_HEADS:
        if head.startswith(magic):
            raise InvalidArgument(f"{name!r} is {what}; bundles hold plain files only")
    if head[257:262] == b"ustar":
        raise InvalidArgument(f"{name!r} is a tar archive; bundles hold plain files only")
    if _PICKLE.match(head):
        raise InvalidArgument(f"{name!r} is a pickle, which runs code when it is opened")


def _path_fault(name: str) -> str | None:
    if not name or name.startswith("/") or "\\" in name or ":" in name:
        return "not a relative path"
    if not name.isprintable() or unicodedata.normalize("NFC", name) != name:
        return "characters that do not print, or a spelling that is not NFC"
    parts = name.split("/")
    if len(name.encode(errors="replace")) > PATH_BYTES_MAX or len(parts) > PARTS_MAX:
        return f"longer than {PATH_BYTES_MAX} bytes or deeper than {PARTS_MAX} folders"
    return next(filter(None, map(_part_fault, parts)), None)


def _part_fault(part: str) -> str | None:
    if part in {"", ".", ".."}:
        return "a part that is empty, '.' or '..'"
    if part.startswith("."):
        return "a hidden part"
    if len(part.encode(errors="replace")) > PART_BYTES_MAX:
        return f"a part longer than {PART_BYTES_MAX} bytes"
    if part != part.strip() or part.endswith("."):
        return "a part with blanks or a dot at its end"
    return None


def _kind_fault(name: str) -> str | None:
    last = name.rsplit("/", 1)[-1].lower()
    suffix = last[last.rfind(".") :] if "." in last else ""
    if suffix in CODE_SUFFIXES:
        return "files of this kind can run code; models are ONNX"
    if suffix in ARCHIVE_SUFFIXES:
        return "archives are not unpacked; bundles hold plain files only"
    return None
