"""Peers that the benchmarks compare with: one file each, with `train(problem, clock, scratch)`; the clock is called at
the end of every epoch. What a peer offers beside is as it comes, but nothing is validated and no progress is shown.
"""
