"""Damaged models under limits of memory and time: each ends in firmware or in a refusal."""
