"""What the program does with no terminal in sight. Knows the other rooms by `ports` only."""
