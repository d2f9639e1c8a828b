"""The Hub client, made once: which failures are tried again, and what the others mean to a user.

Works with huggingface_hub 1.x and 2.x, which stand on different HTTP libraries.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from cgc_data.common.errors import PushError

# base of every error of the client's HTTP library, whichever that is
_HTTP_ERROR: type[BaseException] = HfHubHTTPError.__bases__[0]
_PASSING = {408, 412, 429, 500, 502, 503, 504}  # 412: someone else committed meanwhile

_MENDS = {
    401: "the Hub does not know this login; run `hf auth login` or set HF_TOKEN to a valid token",
    403: "the login may not write there; use a token with write access, or another ORG",
    404: "no such repository or organisation for this login; check the name and the token's access",
    409: "someone else made this version meanwhile; choose the next --tag",
}


def connect(token: str | None = None) -> HfApi:
    """Client for the Hub that HF_ENDPOINT names (default: the official one)."""
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    if not f".{urlsplit(endpoint).hostname}".endswith(".huggingface.co"):
        # Xet needs a storage service that only the official Hub has, and the client does not fall back by itself
        os.environ["HF_HUB_DISABLE_XET"] = "1"
        constants.HF_HUB_DISABLE_XET = True
    return HfApi(endpoint=endpoint, token=token)


def attempts() -> Retrying:
    """Tries again what a flaky connection or a busy server spoils; the client itself waits and retries within each."""
    return Retrying(
        retry=retry_if_exception(_is_passing),
        stop=stop_after_attempt(4),
        wait=wait_exponential_jitter(initial=1, max=30),
        reraise=True,
    )


@contextmanager
def explained(repo_id: str, endpoint: str) -> Iterator[None]:
    """Turns the client's errors into a PushError that says the mend."""
    try:
        yield
    except PushError:
        raise
    except (_HTTP_ERROR, OSError, RuntimeError, ValueError) as error:
        raise PushError(f"{repo_id}: {_explain(error, endpoint)}") from error


def _is_passing(error: BaseException | None) -> bool:
    if error is None or isinstance(error, (OfflineModeIsEnabled, LocalTokenNotFoundError)):
        return False
    if isinstance(error, HfHubHTTPError):
        return error.response.status_code in _PASSING
    if isinstance(error, (_HTTP_ERROR, ConnectionError, TimeoutError)):
        return True
    # the client wraps what breaks an upload or a download; errors of its Xet library come as bare RuntimeErrors
    return _is_passing(error.__cause__) if error.__cause__ else isinstance(error, RuntimeError)


def _explain(error: BaseException, endpoint: str) -> str:
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    if isinstance(cause, LocalTokenNotFoundError):
        return "not logged in; run `hf auth login` or set HF_TOKEN"
    if isinstance(cause, OfflineModeIsEnabled):
        return "the Hub client is offline; unset HF_HUB_OFFLINE"
    reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    carry_on = "what was uploaded is kept, so run the same command again to go on"
    if isinstance(cause, HfHubHTTPError):
        status = cause.response.status_code
        return _MENDS.get(status, f"the Hub answered {status} ({cause.server_message or reason}); {carry_on}")
    if isinstance(cause, ValueError):
        return f"the Hub refused ({reason}); {carry_on}"
    return f"no answer from {endpoint} ({reason}); check the connection and HF_ENDPOINT; {carry_on}"
