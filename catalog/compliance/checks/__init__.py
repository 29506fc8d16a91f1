"""The checks, by subject; each is a pure function of the day's evidence and a department."""
