"""Runs the server of vLLM's CPU build, with weights that can be replaced while it runs.

Usage: python -m scripts.engines.vllm_serve --model MODEL [FLAGS ...]

Use this script instead of `vllm serve`. With the CPU build, `vllm serve` fails, because it looks up the version of a
package named vllm, which is not installed.
"""

from scripts.engines.vllm_worker import plain_layers

plain_layers()  # the processes that vLLM starts import this file again

if __name__ == "__main__":
    from vllm.entrypoints.launchers.api_server.entry import main

    main()
