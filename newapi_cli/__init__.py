"""The terminal client for New API gateways."""

__version__ = "0.1.0"  # a constant: importlib.metadata costs 28 ms
