"""Which version of a model answers: read, changed and explained, of an engine or of a server.

engine.route("flights").set(stable=1, canary=(2, 0.05), shadow=[3])
me.routing.of_server("http://127.0.0.1:8000", "flights").set(stable=1, canary=(2, 0.05))
"""

from mlops_engine.routing.document import Document
from mlops_engine.routing.route import Route, of_engine, of_server

__all__ = ["Document", "Route", "of_engine", "of_server"]
