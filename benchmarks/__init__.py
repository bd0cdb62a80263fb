"""Benchmarks: each holds the product against a reference that is measured in the same run, turn by turn.

A rate on a shared machine is good to a quarter at best, so none is compared with a rate of another day. Every benchmark measures
pairs, our side and the reference one after the other and first in turns, and what it reports is the median of the pairs' ratios.
How each of them measures stands at the head of its module.
"""
