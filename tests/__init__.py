"""The tests. This file makes `tests.support` importable from every one of them."""
