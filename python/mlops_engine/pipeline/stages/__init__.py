"""The stages, one module each, in the order of the work (`catalog.STAGES`)."""
