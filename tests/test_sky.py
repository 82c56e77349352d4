"""What the README's picture of six kinds of data claims, in the figures that `make sky` left (`python -m benchmarks sky`)."""

import struct
from pathlib import Path

from benchmarks.page import PAGE
from benchmarks.record import read

ROOT = Path(__file__).resolve().parent.parent


def test_the_picture_is_there_and_what_it_shows_was_measured():
    """Each parameter is better known than by any modality alone, two are known by none, and every rate is within chance."""
    found = read("sky")
    assert len(found["observations"]) == 6
    rows = {row["parameter"]: row for row in found["rows"]}
    for row in rows.values():
        alone = [float(each.split()[1]) for each in filter(None, row["alone"].split(", "))]
        assert row["error"] < 1.02 * min(alone, default=float("inf")) and abs(row["pull"]) < 3.5
        for stated in (68, 95):
            low, high = (float(x) for x in row[f"chance at {stated} %"].split(" to "))
            assert low <= row[f"held at {stated} %"] <= high
    assert [p for p, row in rows.items() if not row["alone"]] == ["rd", "supernovae.M"]
    picture = (ROOT / "docs" / "sky.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and struct.unpack(">II", picture[16:24]) == (900, 900)
    assert "docs/sky.png" in (ROOT / "README.md").read_text() and "## The sky" in PAGE.read_text()
