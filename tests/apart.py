"""The dvc.yaml of fusions that have a folder of their own: the root's, from there.

python tests/apart.py      write it anew into every folder under fusions/
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEAD = """\
# Made from the root's dvc.yaml by `python tests/apart.py`; a test holds it to that. Its fusions take minutes more than those
# of the demo, or need modalities that the demo does not train: `python -m flows fusions/<folder>/dvc.yaml`.
"""


def apart(name: str) -> str:
    """The text of fusions/<name>/dvc.yaml."""
    lines = (ROOT / "dvc.yaml").read_text().splitlines()
    made = []
    for line in lines[next(k for k, line in enumerate(lines) if line == "stages:") :]:
        of, key, rest = line.partition("- fusions.${key}")
        if key:
            line = f"{of}- fusions/{name}/params.yaml:\n{of}    {key}{rest}"
        made.append(line)
        if line.startswith("      desc:"):
            made.append("      wdir: ../..")
        if line.startswith("        - data/pins"):
            made.append("        - data/apart")
    return HEAD + "\n".join(made) + "\n"


def folders() -> list[str]:
    """The folders under fusions/ that hold settings."""
    return sorted(path.parent.name for path in ROOT.glob("fusions/*/params.yaml"))


if __name__ == "__main__":
    for each in folders():
        (ROOT / "fusions" / each / "dvc.yaml").write_text(apart(each))
