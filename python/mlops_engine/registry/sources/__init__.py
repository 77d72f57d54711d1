"""Where versions come from, each behind `mlops_engine.registry.source.Source`."""
