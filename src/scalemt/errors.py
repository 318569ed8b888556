"""Every exception that scalemt raises on purpose.

::

    ScalemtError
    ├── UsageError                  the request or the configuration is wrong: exit code 2
    │   ├── ConfigurationError      a profile, an option or an environment variable
    │   ├── UnknownLanguageError    a language code nobody knows
    │   ├── UnknownNameError        a name that no registry holds (a method, a specialist …)
    │   ├── NoRoadError             no installed specialist covers the pair
    │   ├── MissingExtraError       an optional dependency is not installed
    │   ├── ModelError              a model folder or file is missing, incomplete or not of the format
    │   ├── LedgerError             the ledger of a job is missing, damaged or locked, or belongs to another job
    │   └── InputError              a file or a text that cannot be read as what it should be
    ├── PausedError                 a job cannot go on now; nothing is lost, and it can be resumed: exit code 3
    └── BackendError                something that should have answered did not
        ├── IntegrityError          a translation lost protected spans, and they could not be put back
        ├── SpecialistError         a specialist failed while drafting
        └── GeneralistError         a generalist failed while completing
            ├── EndpointError       a server is down, refused the request, or answered nonsense
            ├── DeadlineError       no answer within the time-out
            ├── RateLimitError      the server asked for fewer requests, also after all retries
            └── BudgetError         the token or money budget of the run is spent

Messages are full sentences that say what was found, what was expected, and what to do.
"""

from collections.abc import Iterable


class ScalemtError(Exception):
    """Base of all errors that scalemt raises on purpose."""


class UsageError(ScalemtError):
    """The request or the configuration is wrong; nothing was translated."""


class ConfigurationError(UsageError):
    """A profile, an option or an environment variable has a value that cannot be used."""


class UnknownLanguageError(UsageError):
    """A language code that no standard known to scalemt holds."""


class UnknownNameError(UsageError):
    """A name that no registry holds; the message lists the names that it does hold."""

    def __init__(self, kind: str, name: str, choices: Iterable[str]) -> None:
        listed = ", ".join(sorted(choices)) or "none is installed"
        super().__init__(f"There is no {kind} named {name!r}. Valid choices: {listed}.")


class NoRoadError(UsageError):
    """No installed specialist covers the language pair, directly or through a pivot."""


class MissingExtraError(UsageError):
    """An optional dependency is not installed; the message holds the pip line that installs it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an optional dependency. Install it with: pip install 'scalemt[{extra}]'")


class ModelError(UsageError):
    """A model folder or file is missing, incomplete, or not of the expected format."""


class InputError(UsageError):
    """A file or a text that cannot be read as what it should be; the message names file and line."""


class LedgerError(UsageError):
    """The ledger of a job is missing, damaged or locked, or belongs to another job."""


class PausedError(ScalemtError):
    """A job cannot go on now; what was done is kept, and the message says how to resume it."""


class BackendError(ScalemtError):
    """Something that should have answered did not."""


class SpecialistError(BackendError):
    """A specialist failed while drafting."""


class GeneralistError(BackendError):
    """A generalist failed while completing or scoring."""


class EndpointError(GeneralistError):
    """A server is down, refused the request, or answered something that is not its protocol."""


class DeadlineError(GeneralistError):
    """A server gave no answer within the time-out, also after all retries.

    `tries` is how often it was asked: each time it may have worked, and may want to be paid.
    """

    def __init__(self, message: str = "", tries: int = 1) -> None:
        super().__init__(message)
        self.tries = tries


class RateLimitError(GeneralistError):
    """A server asked for fewer requests, also after all retries."""


class BudgetError(GeneralistError):
    """The token or money budget of the run is spent; nothing more was sent."""


class IntegrityError(BackendError):
    """A translation lost or spoilt protected spans, and they could not be put back."""
