"""What a run of the command is: its options, what each may be, and what suits which data."""
