"""What this processor does with 8-bit and 16-bit numbers, and what follows for a variant."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Isa:
    """Instruction sets that decide how fast and how right quantized kernels are.

    Attributes
    ----------
    cpu
        Model name.
    avx2, avx512
        Vector instructions without dot products of bytes.
    vnni
        Dot products of bytes that do not saturate (AVX-512 VNNI or AVX-VNNI).
    amx_int8, amx_bf16, avx512_bf16, avx512_fp16
        Tiles, and arithmetic of 16 bits.
    """

    cpu: str
    avx2: bool = False
    avx512: bool = False
    vnni: bool = False
    amx_int8: bool = False
    amx_bf16: bool = False
    avx512_bf16: bool = False
    avx512_fp16: bool = False

    @property
    def exact_bytes(self) -> bool:
        """Whether a product of u8 by s8 is summed without saturation."""
        return self.vnni or self.amx_int8 or not self.avx2

    @property
    def activation(self) -> str:
        """Type of activations that the kernels here are best at."""
        return "uint8" if self.avx2 else "int8"

    @property
    def reduce_range(self) -> bool:
        """Whether weights must keep to 7 bits.

        `vpmaddubsw` adds two products of u8 by s8 in 16 bits: 2 x 255 x 127 does not fit.
        """
        return not self.exact_bytes

    def why(self) -> str:
        """One line for people."""
        if self.amx_int8:
            return "AMX and VNNI: products of bytes are exact, 8-bit weights"
        if self.vnni:
            return "VNNI: products of bytes are exact, 8-bit weights"
        if self.avx2:
            return "AVX2 without VNNI: sums of byte products saturate at 16 bits, 7-bit weights"
        return "no AVX2: plain kernels, 8-bit weights"

    def as_dict(self) -> dict[str, Any]:
        """All of it, for the report."""
        return {**asdict(self), "why": self.why()}


def from_cpuinfo(text: str) -> Isa:
    """Read the first processor of /proc/cpuinfo (`flags` on x86, `Features` on Arm)."""

    def field(name: str) -> str:
        match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
        return match[1].strip() if match else ""

    flags = set((field("flags") or field("Features")).split())
    return Isa(
        cpu=field("model name") or "unknown",
        avx2="avx2" in flags,
        avx512="avx512f" in flags,
        vnni=bool(flags & {"avx512_vnni", "avx_vnni"}),
        amx_int8={"amx_tile", "amx_int8"} <= flags,
        amx_bf16={"amx_tile", "amx_bf16"} <= flags,
        avx512_bf16="avx512_bf16" in flags,
        avx512_fp16="avx512_fp16" in flags,
    )


def detect() -> Isa:
    """Read the processor that this runs on."""
    try:
        return from_cpuinfo(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return Isa("unknown")
