"""Russian: 02.03.2020, 14:30. Django's own way, with the month in words, is too wide for lists."""

DATE_FORMAT = SHORT_DATE_FORMAT = "d.m.Y"
TIME_FORMAT = "H:i"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "d.m.Y, H:i"
