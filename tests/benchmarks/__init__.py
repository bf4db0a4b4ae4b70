"""Benchmarks: plain scripts, run by `make bench` and not collected as tests."""
