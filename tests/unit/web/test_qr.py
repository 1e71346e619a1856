"""A code as a picture, in every form that it is handed on in."""

from server.web import qr


def test_the_picture_in_every_form():
    code = "watch.example.org/4F7Q9-KZ2M3"
    assert qr.png(code).startswith(b"\x89PNG")
    assert qr.svg(code).startswith("<svg")
    assert len(qr.terminal(code).splitlines()) > 10
