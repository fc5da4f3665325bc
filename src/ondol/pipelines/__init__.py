"""Pipelines: plain functions run in order, cached, resumed, recorded."""
