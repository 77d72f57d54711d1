"""Whose signature a model needs before it may serve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from mlops_engine.errors import InvalidArgument

from .bundle import Bundle
from .signing import load_public_key, verify_signature

Mode = Literal["off", "warn", "enforce"]


def _nothing(message: str) -> None:
    """Take a warning, and tell nobody."""


@dataclass(frozen=True)
class Trust:
    """What `pull` takes as `verify`.

    Attributes
    ----------
    mode
        `warn` lets everything serve and says what `enforce` would have refused.
    keys
        Patterns of models' names, each with a key that may sign them. All keys of the patterns
        that fit count.
    warn
        Where warnings go.
    """

    mode: Mode = "off"
    keys: Sequence[tuple[str, Any]] = ()
    warn: Callable[[str], None] = _nothing

    @staticmethod
    def from_files(
        mode: Mode, pairs: Sequence[tuple[str, Path]], warn: Callable[[str], None] = _nothing
    ) -> Trust:
        """Read keys from PEM files.

        Raises
        ------
        InvalidArgument
            For what is no such key; and if signatures are wanted, and no key is given.
        """
        keys = [(pattern, load_public_key(path.read_bytes())) for pattern, path in pairs]
        if mode != "off" and not keys:
            raise InvalidArgument("signatures are to be verified, and no key is trusted")
        return Trust(mode, keys, warn)

    def __call__(self, model: str, bundle: Bundle) -> None:
        """Agree that a bundle may serve.

        Raises
        ------
        InvalidArgument
            If it may not.
        """
        if self.mode == "off":
            return
        try:
            self._verify(model, bundle)
        except InvalidArgument as error:
            if self.mode == "enforce":
                raise
            self.warn(f"{model!r} serves although {error}")

    def _verify(self, model: str, bundle: Bundle) -> None:
        keys = [key for pattern, key in self.keys if fnmatchcase(model, pattern)]
        if not keys:
            raise InvalidArgument(f"no key is trusted to sign {model!r}")
        reasons = []
        for key in keys:
            try:
                verify_signature(bundle, key)
                return
            except InvalidArgument as error:
                reasons.append(str(error))
        why = "; ".join(dict.fromkeys(reasons))
        raise InvalidArgument(f"{model!r} is not signed as it must be: {why}")
