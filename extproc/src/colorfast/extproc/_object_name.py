"""``k8s://NAMESPACE/NAME``: a policy that is an object of a cluster."""

import re
from dataclasses import dataclass
from typing import ClassVar, Final

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMES: Final = re.compile(rf"({_LABEL})/((?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectName:
    """Where an object is. Names are those of RFC 1123, as Kubernetes has them."""

    SCHEME: ClassVar[str] = "k8s://"

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.SCHEME}{self.namespace}/{self.name}"

    @staticmethod
    def parse(text: str) -> "ObjectName":
        """Read ``NAMESPACE/NAME``, with or without the scheme. Raises ValueError."""
        names = _NAMES.fullmatch(text.removeprefix(ObjectName.SCHEME))
        if names is None:
            raise ValueError(f"{text!r} is not {ObjectName.SCHEME}NAMESPACE/NAME")
        return ObjectName(namespace=names[1], name=names[2])
