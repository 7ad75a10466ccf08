"""A stand-in New API gateway on loopback, for users without a key and for our tests."""
