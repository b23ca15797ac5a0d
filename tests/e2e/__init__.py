"""Whole processes over real servers."""
