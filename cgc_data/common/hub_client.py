"""Connects to the Hub, retries temporary failures, and converts all other failures to error messages.

Works with huggingface_hub 1.x and 2.x, which use different HTTP libraries.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from cgc_data.common.errors import PushError

# base class of all errors in the client's HTTP library
_HTTP_ERROR: type[BaseException] = HfHubHTTPError.__bases__[0]
_PASSING = {408, 412, 429, 500, 502, 503, 504}  # 412: another user committed in the meantime

_MENDS = {
    401: "the Hub rejected this token; run `hf auth login` or set HF_TOKEN to a valid token",
    403: "this token has no write access; use a token with write access, or choose another ORG",
    404: (
        "this token cannot access a repository or organization with this name; check the name and the token's "
        "permissions"
    ),
    409: "someone else created this version in the meantime; choose the next --tag",
}


def connect(token: str | None = None) -> HfApi:
    """Client for the Hub at HF_ENDPOINT (default: the official Hub)."""
    endpoint = os.environ.get("HF_ENDPOINT", constants.ENDPOINT).rstrip("/")
    if not f".{urlsplit(endpoint).hostname}".endswith(".huggingface.co"):
        # Xet needs a storage service that only the official Hub has, and the client does not fall back on its own
        os.environ["HF_HUB_DISABLE_XET"] = "1"
        constants.HF_HUB_DISABLE_XET = True
    return HfApi(endpoint=endpoint, token=token)


def attempts() -> Retrying:
    """Retry requests that fail because of an unstable connection or a busy server. In addition, the Hub client itself
    retries within each call.
    """
    return Retrying(
        retry=retry_if_exception(_is_passing),
        stop=stop_after_attempt(4),
        wait=wait_exponential_jitter(initial=1, max=30),
        reraise=True,
    )


@contextmanager
def explained(repo_id: str, endpoint: str) -> Iterator[None]:
    """Turn the client's errors into a PushError that states the fix."""
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
    # the client wraps errors of uploads and downloads; errors of its Xet library are plain RuntimeErrors
    return _is_passing(error.__cause__) if error.__cause__ else isinstance(error, RuntimeError)


def _explain(error: BaseException, endpoint: str) -> str:
    cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
    if isinstance(cause, LocalTokenNotFoundError):
        return "not logged in; run `hf auth login` or set HF_TOKEN"
    if isinstance(cause, OfflineModeIsEnabled):
        return "the Hub client is offline; unset HF_HUB_OFFLINE"
    reason = (str(cause).strip() or type(cause).__name__).splitlines()[0]
    carry_on = "the uploaded files are kept; run the same command again to resume"
    if isinstance(cause, HfHubHTTPError):
        status = cause.response.status_code
        return _MENDS.get(status, f"the Hub responded with {status} ({cause.server_message or reason}); {carry_on}")
    if isinstance(cause, ValueError):
        return f"the Hub refused ({reason}); {carry_on}"
    return f"no response from {endpoint} ({reason}); check the connection and HF_ENDPOINT; {carry_on}"
