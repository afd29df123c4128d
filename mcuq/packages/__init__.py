"""Firmware as a library of an ecosystem: files in its folders, with the metadata it asks for."""
