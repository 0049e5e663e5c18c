"""Audits of datasets: inputs, executors, rows, statistics, reports.

`store.open_rows` opens a folder of row files, `gather.gather` gives `statistics.Statistics` of them.
"""
