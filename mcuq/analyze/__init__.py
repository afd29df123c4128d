"""Where accuracy goes: the error of every layer, its causes, and what to do about it."""
