"""One run, tick by tick, and the periods of a day; nothing here judges it."""
