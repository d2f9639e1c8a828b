"""All engines. To add an engine, write its module and list it here."""

from scripts.engines import (
    ddp,
    easyr1,
    fsdp2,
    llamafactory,
    lmms_all,
    lmms_vllm,
    nf4,
    swift,
    verl,
    vllm_colocate,
    vllm_server,
    zero,
)
from scripts.engines.records import Engine

ENGINES: tuple[Engine, ...] = (
    ddp.ENGINE,
    fsdp2.ENGINE,
    zero.ZERO2,
    zero.ZERO3,
    nf4.ENGINE,
    vllm_colocate.ENGINE,
    vllm_server.ENGINE,
    lmms_vllm.ENGINE,
    lmms_all.ENGINE,
    swift.ENGINE,
    llamafactory.ENGINE,
    verl.ENGINE,
    verl.OLDER,
    easyr1.ENGINE,
    easyr1.OLDER,
)
