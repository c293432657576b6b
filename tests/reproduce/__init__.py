"""Plays everything that others published and writes it beside what they published: `make reproduce`."""
