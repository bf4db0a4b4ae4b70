"""The kit's checks of protocols."""
