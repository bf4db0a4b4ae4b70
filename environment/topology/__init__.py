"""Who is there: agents, balances and channels, from a graph of microgrids or a bipartite one."""
