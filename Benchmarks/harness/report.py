"""Tables in Markdown, readable in a terminal too, and the verdict on the targets."""


def table(header, rows):
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]

    def line(cells):
        return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"

    separator = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([line(header), separator, *map(line, rows)])


def ratio(value):
    median, low, high = value
    return f"{median:.2f} ({low:.2f}–{high:.2f})"


def size(count):
    if abs(count) < 10_000:
        return f"{count:.0f} B"
    return f"{count / 1e6:.1f} MB"


class Targets:
    """What was promised, compared with what was measured."""

    def __init__(self, limits):
        self._limits = limits
        self._rows = []
        self.missed = 0

    def judge(self, key, measured, note=""):
        """Compares with the limit of that key; a key without a limit is only listed."""
        limit = self._limits.get(key)
        if limit is None:
            return
        good = measured <= limit
        self.missed += not good
        self._rows.append([key, f"{measured:.3g}", f"{limit:g}", "met" if good else "MISSED", note])

    def table(self):
        return table(["target", "measured", "at most", "", ""], self._rows)
