"""Data tables (TOML), each row with its source."""
