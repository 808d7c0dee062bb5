"""Times as the programs write them."""
import calendar
import time


def seconds(text):
    """Since the epoch, of "2026-11-21T10:30:12.345678901Z"."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) + float("0" + text[19:-1])
