"""The server of vLLM's CPU build, with replaceable weights.

Usage: python -m scripts.engines.vllm_serve --model MODEL [FLAGS ...] It replaces `vllm serve`, which looks up the
version of a package called vllm that this build does not have.
"""

from scripts.engines.vllm_worker import plain_layers

plain_layers()  # the processes that vLLM starts import this file again

if __name__ == "__main__":
    from vllm.entrypoints.launchers.api_server.entry import main

    main()
