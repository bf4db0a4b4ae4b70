"""The coordinator and its parts: ledger, barrier, termination and recovery."""
