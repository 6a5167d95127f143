"""The source that settings name."""

from colorfast.extproc._cache import Cache
from colorfast.extproc._errors import client_is_missing
from colorfast.extproc._file_source import FileSource
from colorfast.extproc._object_name import ObjectName
from colorfast.extproc._settings import Settings
from colorfast.extproc._source import PolicySource


def source_of(settings: Settings) -> PolicySource:
    """Where the policy comes from.

    Raises ColorfastError (CF634) when it is in a cluster and there is no client for that.
    """
    if not settings.policy.startswith(ObjectName.SCHEME):
        return FileSource(settings.policy, poll=settings.poll)
    try:
        # Only who asks a cluster pays for its client.
        from colorfast.extproc.kube import ObjectSource  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise client_is_missing(settings.policy, error) from None
    return ObjectSource(ObjectName.parse(settings.policy), wait=settings.policy_wait)


def cache_of(settings: Settings) -> Cache | None:
    """Where the last good policy is kept, if anywhere."""
    return None if settings.policy_cache is None else Cache.at(settings.policy_cache)
