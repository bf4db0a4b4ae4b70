"""Local solves that several types share."""
