"""The way in: `newapi`, and `python -m newapi_cli`."""

import os
import sys

from newapi_cli import __version__

NARROWEST = 10  # columns; below it no layout finds room


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]) and _tell_version():
        return
    try:
        code = _run()
    except KeyboardInterrupt:  # before a command had the signals in its own hands
        code = 130
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # gone, closed, or never there
            sys.stdout = sys.stderr = None  # or the interpreter complains, and ends with 120
    if _hangs_somewhere():
        os._exit(code)
    raise SystemExit(code)


def _hangs_somewhere() -> bool:
    """Say whether a thread is still with a dead name server or in the midst of a connection.

    All is written by then. Python, and OpenSSL below it, may crash in cleaning up under such a
    thread: a run ended by SIGSEGV in place of its own code.
    """
    threading = sys.modules.get("threading")
    return threading is not None and threading.active_count() > 1


def _tell_version() -> bool:
    """Print the version; False where it cannot be written, which the long way tells and ends."""
    try:
        # Before any import: 1.0 instead of 5.8 times bare Python. A pipe takes it whole, or, where
        # it is full and does not block, not at all.
        os.write(1, f"newapi {__version__}\n".encode())
    except OSError:
        return False
    return True


def _run() -> int:
    import gc

    gc.set_threshold(50_000)  # nothing that is imported becomes garbage: 8 ms
    from newapi_cli.cli.main import run
    from newapi_cli.streams import streams_of_process

    _forget_odd_widths()
    streams = streams_of_process()
    # What Typer writes itself, a help page, would be lost unsaid where stdout is closed, or is a
    # pipe that is full and does not block.
    sys.stdout = streams.stdout
    code = run(sys.argv[1:], streams)
    gc.freeze()  # nothing is worth collecting at the end: 16 ms
    return code


def _forget_odd_widths() -> None:
    """Let a page be as wide as the terminal, where a variable says what no terminal is.

    The libraries would print nothing for 0, and fail for what is no number or a giant.
    """
    for name in ("COLUMNS", "TERMINAL_WIDTH"):
        width = os.environ.get(name, "80")
        if not (width.isdecimal() and len(width) < 5 and int(width) >= NARROWEST):
            del os.environ[name]


if __name__ == "__main__":
    main()
