"""One-time codes as pictures. In capitals a code needs a smaller picture; readers of codes do not mind.

Source: ISO/IEC 18004, alphanumeric mode; error correction M.
"""

import io

import segno

SCALE = 6
QUIET_MODULES = 4


def svg(code: str) -> str:
    """A picture of its own for a page or a file, without style or script."""
    out = io.BytesIO()
    _qr(code).save(out, kind="svg", scale=SCALE, border=QUIET_MODULES, xmldecl=False, light="#fff")
    return out.getvalue().decode()


def exact_svg(text: str) -> str:
    """The same of a text whose small letters matter."""
    out = io.BytesIO()
    made = segno.make(text, error="m", micro=False)
    made.save(out, kind="svg", scale=SCALE, border=QUIET_MODULES, xmldecl=False, light="#fff")
    return out.getvalue().decode()


def png(code: str) -> bytes:
    """The same in pixels, to be sent on."""
    out = io.BytesIO()
    _qr(code).save(out, kind="png", scale=SCALE, border=QUIET_MODULES)
    return out.getvalue()


def terminal(code: str) -> str:
    """The same in half blocks."""
    out = io.StringIO()
    _qr(code).terminal(out, border=QUIET_MODULES, compact=True)
    return out.getvalue()


def link_svg(url: str) -> str:
    """A picture of an address, whose letters are kept as they are."""
    out = io.BytesIO()
    segno.make(url, error="m", micro=False).save(
        out, kind="svg", scale=SCALE, border=QUIET_MODULES, xmldecl=False, light="#fff"
    )
    return out.getvalue().decode()


def _qr(code: str) -> segno.QRCode:
    return segno.make(code.upper(), error="m", micro=False)
