"""Audits of datasets: inputs, executors, rows, statistics, reports."""
