"""A table as a file: CSV or XLSX, in either case as text that no program takes for a formula."""

from collections.abc import Sequence

from starlette.responses import Response

from server.services.docket.files import csv_file, workbook

SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def table_file(rows: Sequence[Sequence[str]], sheet: str, name: str, kind: str) -> Response:
    """``rows``: headings first, made harmless; ``sheet``: of the workbook; ``name``: of the file, without its ending; ``kind``: csv or xlsx."""
    data, media = (csv_file(rows), "text/csv; charset=utf-8") if kind == "csv" else (workbook(rows, sheet), SHEET)
    return Response(data, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'})
