"""One view a command: its `data` as blocks that every human-readable format renders."""
