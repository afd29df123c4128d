"""Files that others wrote: opened without waiting, read within limits, parsed without surprises."""
