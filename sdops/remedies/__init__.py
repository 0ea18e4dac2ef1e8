"""What a user types to put things right: commands and fixes, built from facts and tables."""
