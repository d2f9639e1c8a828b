"""The script `lmms_eval`, which runs lmms-eval's own command. lmms-eval itself installs that command only under the
name `lmms-eval`.
"""

import sys

from cgc_data.common.extras import installing


def main() -> None:
    """Run lmms-eval with this process's arguments."""
    try:
        from lmms_eval.cli.dispatch import main as run
    except ImportError as error:
        sys.stderr.write(f"lmms_eval: {error}; {installing('bench')}\n")
        raise SystemExit(2) from None
    run()
