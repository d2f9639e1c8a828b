"""This project's benchmarks as lmms-eval tasks. lmms-eval finds them without a flag, and their data is prepared on
first use. They use the same scoring code as `cgc-bench`.
"""
