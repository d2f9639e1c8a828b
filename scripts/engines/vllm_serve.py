"""The server of vLLM's CPU build, with weights that can be replaced.

Usage: python -m scripts.engines.vllm_serve --model MODEL [FLAGS ...]
`vllm serve` itself asks for the version of a package called vllm, which this build does not have.
"""

from scripts.engines.vllm_worker import plain_layers

plain_layers()  # the processes that vLLM starts import this file anew

if __name__ == "__main__":
    from vllm.entrypoints.launchers.api_server.entry import main

    main()
