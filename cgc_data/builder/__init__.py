"""Builds a release in stages: plan, shards, finish. Each stage writes a file, so that a stopped build can resume."""
