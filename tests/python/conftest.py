"""For all tests of the package."""

from __future__ import annotations

import os

from hypothesis import settings

# Read when OpenMP is loaded, by whichever test is first to train something. Its threads spin at
# barriers otherwise, which beside other work takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
