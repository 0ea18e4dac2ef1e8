"""What is: one machine and one patient, seen without judging and without touching."""
