"""Which passwords are taken: long enough, and none that attackers try first. Nothing leaves the server for it.

The 30,000 passwords most often found in breaches come with the library zxcvbn; a password that is one of them, or one of them
with digits or signs around it or said twice, is refused.
Source: NIST SP 800-63B, 5.1.1.2; OWASP ASVS 5.0, 6.2.4, 6.2.11, 6.2.12.
"""

import functools
import re
from collections.abc import Iterable

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from config.base.errors import InvalidInput

PASSWORD_CHARS_MIN = 12
PASSWORD_CHARS_MAX = 256
CORE_CHARS_MIN = 4
_AROUND = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_TWICE = re.compile(r"(.+?)\1+")


def check_password_allowed(password: str, about: Iterable[str] = ()) -> None:
    """Raises InvalidInput; ``about``: words of the person, which a password may not be made of."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        told = f"a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
        raise InvalidInput(told, code="password_length")
    plain = password.lower()
    if any(candidate in _breached() for candidate in _cores(plain)):
        raise InvalidInput("this password stands in lists that attackers try first", code="password_breached")
    if any(len(word) >= CORE_CHARS_MIN and word.lower() in _cores(plain) for word in about):
        raise InvalidInput("a password is not made of the account's name", code="password_breached")


def _cores(plain: str) -> set[str]:
    """What is left without digits and signs around it, and without its repetitions."""
    found = {plain, _AROUND.sub("", plain)}
    for one in tuple(found):
        said = _TWICE.fullmatch(one)
        if said is not None:
            found |= {said[1], _AROUND.sub("", said[1])}
    # A run of one sign or of digits alone is as weak as its shortest form.
    return {one or "123456" for one in found}


@functools.cache
def _breached() -> frozenset[str]:
    return frozenset(word for word in FREQUENCY_LISTS["passwords"] if len(word) >= CORE_CHARS_MIN)
