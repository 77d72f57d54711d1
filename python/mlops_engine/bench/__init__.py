"""Method of ``mlops-bench``: loads, interleaving, results, comparison.

Nothing here is imported by serving code.
"""
