"""The golden path on real flights: train, register, serve, watch, retrain, roll out, roll back.

`make demo` runs it and leaves a page. Everything in it is the package's own public interface.
"""
