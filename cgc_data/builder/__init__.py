"""The main job, stage by stage: plan, shards, finish; each stage leaves a file that a stopped build goes on from."""
