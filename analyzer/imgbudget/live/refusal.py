"""The guard's error as the SDK lets it through: it takes any other for a lost connection and retries it."""

from anthropic import AnthropicError

from imgbudget.errors import GuardError


class RefusedRequestError(GuardError, AnthropicError):
    """A request of an SDK client that the guard did not let out."""
