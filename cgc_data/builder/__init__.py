"""Builds a release in stages: plan, shards, finish. Each stage leaves a file from which a stopped build can resume."""
