"""Plans, creates, repairs and snapshots Python environments for a UI."""
