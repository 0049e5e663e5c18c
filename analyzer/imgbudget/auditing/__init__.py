"""Audits of datasets: inputs, executors, rows, statistics, reports.

`store.open_rows` opens a folder of row files, and `aggregate.aggregate` computes their statistics.
"""
