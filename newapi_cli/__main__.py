"""The entry point: `newapi`, and `python -m newapi_cli`."""

import os
import sys

from newapi_cli import __version__

SIGNALS = 128  # plus the number of a signal is an exit code
MIN_COLUMNS = 10  # a layout needs at least these


def main() -> None:
    """Run the command line of this process and exit with its code."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _print_version():
        return
    try:
        code = _run()
    except KeyboardInterrupt:  # before a command handles signals
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # broken, closed, or missing
            sys.stdout = sys.stderr = None  # or the interpreter fails with 120
    # After a signal at once: a large answer takes up to 0.2 s to be freed.
    if code > SIGNALS or _has_other_threads():
        _remove_temporary_files()
        os._exit(code)
    raise SystemExit(code)


def _has_other_threads() -> bool:
    """Return whether a thread still waits for a name server or a connection.

    All output is written by then. Python and OpenSSL can crash in the cleanup while such a thread
    runs: a run ended with SIGSEGV instead of its exit code.
    """
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _remove_temporary_files() -> None:
    """Remove the temporary files of threads that are still writing: nothing waits for a disk."""
    from contextlib import suppress

    file = sys.modules.get("newapi_cli.config.file")
    for path in tuple(file.TEMPORARY_FILES) if file is not None else ():
        with suppress(OSError):  # already in its place, or removed
            path.unlink()


def _print_version() -> bool:
    """Print the version. Return False if that fails; the command line then reports the error."""
    try:
        # Before any import: 1.0 instead of 5.8 times bare Python. A pipe accepts all of it, or
        # nothing if it is full and does not block.
        os.write(1, f"newapi {__version__}\n".encode())
    except OSError:
        return False
    return True


def _run() -> int:
    import gc

    gc.set_threshold(100_000)  # imports create no garbage: 8 ms
    from newapi_cli.cli.main import run
    from newapi_cli.streams import streams_of_process

    _ignore_invalid_widths()
    streams = streams_of_process()
    # Typer prints help pages to it: an error must not go unnoticed if stdout is closed, or a full
    # pipe that does not block.
    sys.stdout = streams.stdout
    code = run(sys.argv[1:], streams)
    gc.freeze()  # no collection at exit: 16 ms
    return code


def _ignore_invalid_widths() -> None:
    """Remove an invalid width from the environment, so that the terminal's own is used.

    The libraries print nothing for 0, and fail for a huge number or another text.
    """
    for name in ("COLUMNS", "TERMINAL_WIDTH"):
        width = os.environ.get(name, "80")
        if not (width.isdecimal() and len(width) < 5 and int(width) >= MIN_COLUMNS):
            del os.environ[name]


if __name__ == "__main__":
    main()
