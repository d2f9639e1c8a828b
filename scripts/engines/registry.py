"""Every engine. Another one is a module and its line here."""

from scripts.engines import ddp, fsdp2, nf4, zero
from scripts.engines.records import Engine

ENGINES: tuple[Engine, ...] = (
    ddp.ENGINE,
    fsdp2.ENGINE,
    zero.ZERO2,
    zero.ZERO3,
    nf4.ENGINE,
)
