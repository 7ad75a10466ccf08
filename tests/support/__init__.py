"""The machinery of the tests: a server that misbehaves, real processes, a real terminal."""
