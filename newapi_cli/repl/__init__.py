"""The conversation: reads lines, runs slash commands, and sends prompts as one-shot runs do."""
