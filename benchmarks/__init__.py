"""Benchmarks: judged by ratios within one run, never by seconds."""
