"""From a plan to the text of the firmware."""
