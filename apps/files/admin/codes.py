"""What the codes of faults are called where many rows with the same one are counted."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

CODES: dict[str, str | Promise] = {
    "ambiguous_amount": _("Amount with two readings"),
    "ambiguous_date": _("Day with two readings"),
    "bidi": _("Hidden signs"),
    "blank": _("Empty row"),
    "date_format": _("Day written otherwise"),
    "doubtful": _("Doubtful"),
    "duplicate_key": _("Twice in the file"),
    "empty": _("Empty cell"),
    "erased_client": _("Erased person"),
    "erased_person": _("Perhaps an erased person"),
    "exponent": _("Number cut short"),
    "foreign_digits": _("Digits of another script"),
    "formula": _("Formula"),
    "group": _("Left out with another row"),
    "has_time": _("Day with a time"),
    "header_again": _("Names of the columns again"),
    "invalid": _("Not as it must be"),
    "invisible": _("Hidden signs"),
    "look_alike": _("Looks like another one"),
    "many_changes": _("Many changes at once"),
    "neither_yes_nor_no": _("Neither yes nor no"),
    "no_such_day": _("No such day"),
    "not_a_choice": _("Unknown word"),
    "not_a_currency": _("No currency"),
    "not_a_day": _("No day"),
    "not_a_number": _("No number"),
    "not_a_phone": _("No phone number"),
    "not_a_time": _("No time of day"),
    "not_a_time_zone": _("No time zone"),
    "not_a_whole_number": _("No whole number"),
    "not_an_email": _("No e-mail address"),
    "not_such_text": _("Text of another form"),
    "nul": _("Hidden signs"),
    "number_format": _("Number written otherwise"),
    "out_of_limits": _("Beyond its limits"),
    "ragged": _("Too many or too few cells"),
    "refused": _("Refused by what is stored"),
    "repeated": _("The same row again"),
    "too_long": _("Too long"),
    "too_many_decimals": _("Too many decimals"),
    "totals": _("Row of totals"),
    "unclosed_quote": _("Quotation mark left open"),
    "unknown_client": _("Unknown client"),
    "unnamed_column": _("Cell without a column"),
    "year_out_of_range": _("Unlikely year"),
}


def code_title(code: str) -> str | Promise:
    """Return what a code is called; the code itself, as words, where it has no name here."""
    return CODES.get(code) or code.replace("_", " ").capitalize()
