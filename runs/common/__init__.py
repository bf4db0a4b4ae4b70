"""What every floor of `runs` uses: its errors, files that are written whole, and types found by name."""
