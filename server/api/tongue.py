"""The language of an answer: the cookie's, else the browser's, else Chinese."""

from starlette.requests import Request

from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES, negotiate

LANGUAGE_COOKIE = "nightlight-language"


def language_of(request: Request) -> str:
    """One of ``LANGUAGES``."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return negotiate(request.headers.get("accept-language", "")) or DEFAULT_LANGUAGE
