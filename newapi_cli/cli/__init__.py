"""The command line: declares commands, parses options, and maps errors to exit codes."""
