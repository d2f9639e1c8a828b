"""Builds a release in stages: plan, shards, finish. Each stage saves its result, so that a stopped build can resume."""
