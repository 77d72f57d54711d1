"""Command lines: ``mlops`` and ``mlops-bench``."""
