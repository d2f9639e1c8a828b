"""This project's benchmarks as lmms-eval tasks. lmms-eval finds them without a flag, and their data is prepared on
first use. The tasks use the same scoring code as `cgc-bench`.
"""
