"""Damaged files of every kind that the tool reads, under limits of memory and time: read, or refused."""
