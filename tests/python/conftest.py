"""For all tests of the package."""

from __future__ import annotations

import os

# Read when OpenMP is loaded, by whichever test is first to train something. Its threads spin at
# barriers otherwise, which beside other work takes ten times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
