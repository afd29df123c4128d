"""Firmware as libraries of ecosystems."""
