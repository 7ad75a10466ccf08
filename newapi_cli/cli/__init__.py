"""The front door: declares commands, opens rooms on demand, turns outcomes into exit codes."""
