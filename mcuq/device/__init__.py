"""Firmware tested on the device itself: images and projects that print a line a layer, and their logs."""
