"""Shows a form again that was sent after its session had ended, to whoever has signed in there; nothing is sent by itself."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from server.api.gate import READ, Person
from server.api.kept_forms import COOKIE
from server.api.parts import parts_of
from server.api.tongue import language_of

router = APIRouter()


@router.api_route("/kept", methods=READ)
def page(request: Request, person: Person) -> Response:
    """What was typed, and a button to send it; home where there is nothing."""
    parts = parts_of(request)
    form = parts.kept.show(request.cookies.get(COOKIE, ""), person.account_name, parts.gate.last_of(request).mark)
    if form is None:
        return RedirectResponse("/", 303)
    html = parts.pages.page(
        "kept.html",
        language_of(request),
        form=form,
        told=form.told,
        away=_page_of(form.path),
        reader=person,
        here="/kept",
    )
    return HTMLResponse(html)


@router.post("/kept/forget")
def forget(request: Request, person: Person) -> Response:
    """It was not wanted after all."""
    kept, token = parts_of(request).kept, request.cookies.get(COOKIE, "")
    form = kept.show(token, person.account_name, parts_of(request).gate.last_of(request).mark)
    kept.forget(token)
    response = RedirectResponse(_page_of(form.path) if form is not None else "/", 303)
    response.delete_cookie(COOKIE, path="/kept")
    return response


def _page_of(path: str) -> str:
    """A page near where the form was: of a site the page of its word, else home."""
    parts = urlsplit(path).path.split("/")
    return "/".join(parts[:4]) if len(parts) > 3 and parts[1] == "sites" else "/"
