"""Channels that cost time and memory and change no output: constant or unread ones, dropped bit-exactly."""
