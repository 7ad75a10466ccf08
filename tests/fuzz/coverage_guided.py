"""Coverage-guided fuzzing of the event decoder and of the codec, by atheris (libFuzzer).

    python tests/fuzz/coverage_guided.py decoder -max_total_time=300
    python tests/fuzz/coverage_guided.py codec -max_total_time=300

A script for developers and `.ci/long`, if atheris is installed; it is not a test dependency. What
it finds becomes a test in this folder. Options are those of libFuzzer: `-seed=N` repeats a run, and
a folder keeps the inputs that reached new code.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path


def main() -> None:
    """Fuzz one of the two targets, starting from valid streams and a dictionary of the protocol."""
    import atheris  # pytest, which looks for doctests here, may run without it

    sys.path.insert(0, str(Path(__file__).parents[2]))
    with atheris.instrument_imports(include=["newapi_cli"]):
        from tests.fuzz.coverage_targets import ORDERLY, TARGETS, TOKENS

    with tempfile.TemporaryDirectory() as folder:
        corpus, words = Path(folder, "corpus"), Path(folder, "words")
        corpus.mkdir()
        for number, orderly in enumerate(ORDERLY):
            (corpus / str(number)).write_bytes(bytes(8) + orderly)
        escaped = ("".join(f"\\x{byte:02x}" for byte in token) for token in TOKENS)
        words.write_text("".join(f'"{token}"\n' for token in escaped))
        options = [f"-dict={words}", "-max_len=1024", "-print_final_stats=1", *sys.argv[2:]]
        # The input of a failure is kept in the current folder, or where -artifact_prefix says.
        atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[sys.argv[1]])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
