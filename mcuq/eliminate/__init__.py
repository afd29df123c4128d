"""Elimination of channels that change no output: constant or unread ones, dropped bit-exactly."""
