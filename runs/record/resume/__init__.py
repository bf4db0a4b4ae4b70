"""A recorded run goes on, is done again, or branches off."""
