"""Signal-to-quantization-noise ratio, and the share of noise that a layer adds itself."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt


class SignalNoise:
    """Sums of squares of a tensor and of its error, over any number of batches."""

    def __init__(self) -> None:
        self.signal = 0.0
        self.noise = 0.0
        self.finite = True

    def add(self, exact: npt.NDArray[np.generic], approximate: npt.NDArray[np.generic]) -> None:
        """Add a batch; the shapes are equal."""
        a = np.asarray(exact, dtype=np.float64)
        b = np.asarray(approximate, dtype=np.float64)
        self.finite = self.finite and bool(np.isfinite(b).all())
        self.signal += float(np.vdot(a, a))
        self.noise += float(np.vdot(a - b, a - b))

    @property
    def relative_noise(self) -> float:
        """Noise power over signal power: 0 exact, inf for noise without signal or no number."""
        if not self.finite or not math.isfinite(self.noise):
            return math.inf
        if self.noise == 0.0:
            return 0.0
        return self.noise / self.signal if self.signal > 0 else math.inf

    @property
    def db(self) -> float:
        """10 log10(signal / noise); inf where nothing is lost, -inf where nothing is left."""
        ratio = self.relative_noise
        if ratio == 0.0:
            return math.inf
        return -math.inf if ratio == math.inf else -10.0 * math.log10(ratio)
