"""The guard's error in a form that the SDK raises at once: it retries any other as a connection error."""

from anthropic import AnthropicError

from imgbudget.errors import GuardError


class RefusedRequestError(GuardError, AnthropicError):
    """A request of an SDK client that the guard did not send."""
