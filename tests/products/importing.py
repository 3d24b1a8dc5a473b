"""How tests of imports load a file and read its report."""

from datetime import UTC, datetime

from tests.importing import import_file

AT = datetime(2020, 6, 1, 22, tzinfo=UTC)
SHARES = "ticker,name,exchange,currency,isin,exchange_name,exchange_time_zone,exchange_closes_at"
ACTIONS = "ticker,kind,ex_on,ratio,amount,source"
SPLIT = "AAPL,split,2020-08-31,4,,issuer"


def load(resource, *lines, filename="rows.csv", **options):
    content = "\n".join(lines).encode()
    return import_file(resource, content, filename=filename, **{"at": AT, **options})


def places(report):
    return [(fault.line, fault.column, fault.reason) for fault in report.faults]
