"""What the registers are called, and what stands against a row of an import: what is wrong, and what to do."""

from server.domain.registers.sheets import Fault
from server.domain.registers.tables import TABLES
from server.domain.registers.words import ANSWERS
from server.web.languages import Language
from server.web.wording import mark

TABLE = {
    "regions": mark("Regions"),
    "sites": mark("The site itself"),
    "zones": mark("Places"),
    "cameras": mark("Cameras"),
    "alarm_areas": mark("Alarm partitions"),
    "alarm_points": mark("Alarm points"),
    "staff": mark("Staff"),
    "records": mark("Certificates and checks"),
    "classes": mark("Classes"),
    "children": mark("Children, by pseudonym"),
    "guardians": mark("Guardians, by pseudonym"),
}
FAULT = {
    "empty_file": mark("There is nothing in the file. Fill in the template, then send it."),
    "file_too_large": mark("The file is larger than %(wanted)s MiB. Divide it into several."),
    "old_excel": mark("This is an old .xls workbook, or one with a password. Save it as .xlsx without a password."),
    "broken_workbook": mark("This is no whole .xlsx workbook. Open it in a spreadsheet program and save it anew."),
    "workbook_too_large": mark("The workbook unfolds to more than %(wanted)s MiB. Divide it, or save it as CSV."),
    "cell_far_out": mark("The cell %(wanted)s lies far from the table. Empty it, or copy the table to a new sheet."),
    "not_text": mark("This is neither CSV in UTF-8 or GBK nor an .xlsx workbook. Save it as one of them."),
    "no_encoding": mark("The cell is neither UTF-8 nor GBK. Save the file anew as 'CSV UTF-8'."),
    "mixed_encodings": mark(
        "The file mixes UTF-8 and GBK (rows in %(wanted)s). It was put together from two files: open each by itself,"
        " save it as 'CSV UTF-8', then join them."
    ),
    "bad_csv": mark("A quotation mark is not closed, or stands within a cell by itself. Correct this row."),
    "unknown_sheet": mark("'%(given)s' is no table's name. Name the sheet as the template does, or delete it."),
    "sheet_twice": mark("There are two sheets for the same table. Join them."),
    "which_table": mark("A CSV file does not say which table it is. Choose the table."),
    "central_table": mark("Only whoever runs the server changes the regions. Delete this sheet."),
    "unknown_column": mark("No column is called '%(given)s'. Nearest: %(wanted)s. Rename it, or delete it."),
    "column_twice": mark("The column is there twice. Delete one."),
    "no_column": mark("This column must be there. Take the template's headings."),
    "too_many_columns": mark("There are more than %(wanted)s columns. Delete what is not part of the table."),
    "too_many_rows": mark("There are more than %(wanted)s rows. Divide the file."),
    "too_many_cells": mark(
        "The row has more cells than there are headings. Is a comma within a cell? Put it in quotation marks."
    ),
    "cell_without_heading": mark("'%(given)s' stands in a column without a heading. Name the column, or empty it."),
    "twice": mark("The same is in row %(wanted)s already. Delete one of the two."),
    "other_site": mark("This row is of '%(given)s'. Here only rows of %(wanted)s can be imported."),
    "needed": mark("This must not be empty. Fill it in."),
    "too_long": mark("At most %(wanted)s characters. Shorten it."),
    "unprintable": mark("There is a line break or an invisible character in it. Type it anew."),
    "formula_error": mark("A formula failed here (%(given)s). Type the value itself."),
    "rounded_number": mark(
        "The spreadsheet has rounded this number (%(given)s). Format the column as text, then type the number anew."
    ),
    "not_an_id": mark("'%(given)s' is no id: a–z, 0–9 and hyphens within, at most 64 characters."),
    "not_a_point": mark("'%(given)s' is no partition or point: letters, digits and hyphens, at most 32."),
    "too_many": mark("At most %(wanted)s in one cell."),
    "not_in_range": mark("'%(given)s' is no number within %(wanted)s."),
    "not_yes_no": mark("'%(given)s' is neither yes nor no. Write yes or no."),
    "not_a_day": mark("'%(given)s' is no day. Write it as 2026-01-31."),
    "not_gb28181": mark("'%(given)s' is no GB/T 28181 id: it has exactly 20 digits."),
    "not_a_camera_type": mark(
        "Digits 11 to 13 are %(wanted)s, and a camera's are 131 or 132. Take the camera's own id, not the recorder's."
    ),
    "not_a_mac": mark("'%(given)s' is no MAC address. Write it as 00:1a:2b:3c:4d:5e."),
    "not_hours": mark("'%(given)s' are no weekly hours. Write mon-fri 19:00-07:00; several with semicolons."),
    "not_a_contact": mark("'%(given)s' is neither one e-mail address nor one telephone number."),
    "not_a_code": mark("'%(given)s' is no administrative code."),
    "not_a_path": mark("'%(given)s' is no region's path. Write it as cn/sichuan/luzhou."),
    "not_an_answer": mark("'%(given)s' is none of the answers: %(wanted)s."),
    "unknown": mark("There is no '%(given)s' in the table '%(wanted)s'. Add it there, or correct it here."),
    "unknown_agent": mark("The site has no agent '%(given)s'. Let it in first, or correct the id."),
    "unknown_timezone": mark("There is no time zone '%(given)s'. Take an IANA name, such as Asia/Shanghai."),
    "unknown_pack": mark("There is no policy pack '%(given)s'. There are: %(wanted)s."),
    "unknown_parent": mark("There is no region '%(given)s'. Add it, or correct the code."),
    "taken": mark("'%(given)s' belongs to another camera. Correct it."),
    "fixed": mark(
        "This cannot change any more (now: %(wanted)s): what was proven of the past hangs on it. Take the old one out of"
        " service and add a new one."
    ),
    "authority": mark(
        "A site's operator does not change this. Leave the cell as it was, or ask whoever runs the server."
    ),
    "no_new_site": mark("Only whoever runs the server adds a site."),
    "nothing_to_remove": mark("There is no '%(given)s' to be removed. Delete the row."),
    "forbidden_zone": mark(
        "The camera would see '%(given)s', where by law no camera may look in (State Council Order 799, article 8)."
        " Consent does not change that. Turn the camera away, or take it down and out of service."
    ),
    "forbidden_required": mark("No camera may look in here, so it cannot be required. Write no."),
    "no_staff_here": mark("This record is the site's own. Leave the member of staff empty."),
    "future_day": mark("%(given)s has not come yet. Write the day on which it was done."),
    "day_order": mark("%(given)s is before %(wanted)s. Correct one of the two."),
    "circle": mark("These regions are each part of the other: %(wanted)s. Correct a parent."),
    "region_moves": mark("The region is at %(wanted)s and cannot move: people's reach would move with it."),
    "level_order": mark("A region of this level cannot be part of one of the level '%(wanted)s'. Correct the level."),
    "path_taken": mark("Another region has this path already, with the code %(wanted)s."),
    "path_of_parent": mark("A path is that of the parent (%(wanted)s) and one more step, at most 64 characters."),
    "not_a_level_code": mark("'%(given)s' is no code of the level '%(wanted)s' (GB/T 2260, GB/T 10114)."),
    "code_of_parent": mark("'%(given)s' does not begin as its parent's code %(wanted)s does."),
}
NOTHING_CHANGED = mark("Nothing was changed.")
NOT_YET = mark("Nothing was changed yet: give --yes to do it.")


def fault_text(fault: Fault, language: Language) -> str:
    """What is wrong, in a sentence, and what to do."""
    wanted = fault.wanted
    if fault.code == "not_an_answer":
        known = ANSWERS.get(wanted, {})
        wanted = ", ".join(known.values() if language.tag == "zh-CN" else known)
    elif fault.code == "unknown" and wanted in TABLE:
        wanted = language.text(TABLE[wanted])
    return language.text(FAULT[fault.code]) % {"given": fault.given, "wanted": wanted or "–"}


def column_text(table: str, column: str, language: Language) -> str:
    """A column's heading as it stands in a file of this language."""
    known = {each.name: each.zh for each in TABLES[table].columns} if table in TABLES else {}
    return known.get(column, column) if language.tag == "zh-CN" else column


def place_text(fault: Fault, language: Language) -> str:
    """Which table, row and column."""
    parts = [language.text(TABLE[fault.table])] if fault.table in TABLE else []
    if fault.row:
        parts.append(language.text(mark("row %(row)s")) % {"row": fault.row})
    if fault.column:
        parts.append(
            language.text(mark("column %(column)s")) % {"column": column_text(fault.table, fault.column, language)}
        )
    return " · ".join(parts) or language.text(mark("the file"))


def summary_text(counts: dict[str, int], language: Language) -> str:
    """How many rows of a table are added, changed, removed and unchanged."""
    words = language.text(mark("%(added)s added, %(changed)s changed, %(removed)s removed, %(unchanged)s unchanged"))
    return words % counts


def more_text(count: int, language: Language) -> str:
    """How many faults are not listed."""
    return language.count("%(num)s more fault", "%(num)s more faults", count)


REFUSAL = {
    "no_file": mark("No file came with it. Choose a file, then send it."),
    "oversized": mark("The file is too large for this page. Whoever runs the server can import it."),
    "import_busy": mark("Another file is being read at this moment. Try again in a minute."),
    "import_changed": mark(
        "Something has changed meanwhile, and nothing was done. Send the file again and look at it anew."
    ),
}
ACT = {
    "added": mark("added: %(key)s"),
    "removed": mark("removed: %(key)s"),
    "changed": mark("changed: %(key)s (%(columns)s)"),
}


def change_text(table: str, key: str, columns: list[str], act: str, language: Language) -> str:
    """One row that would change, and in what."""
    named = ", ".join(column_text(table, column, language) for column in columns)
    return f"{language.text(TABLE[table])} · {language.text(ACT[act]) % {'key': key, 'columns': named}}"
