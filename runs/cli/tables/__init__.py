"""Tables and sentences of a terminal: what came out of a run, and what there is to choose from."""
