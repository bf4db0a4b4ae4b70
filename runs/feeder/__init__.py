"""What a market did to the feeder it runs on: voltages, lines, prices, and who pays for the network."""
