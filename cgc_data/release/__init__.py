"""A release on disk: its row schema, shards, manifest and card."""
