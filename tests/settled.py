"""Settings of a project that a test has for its own."""

from pathlib import Path

import yaml


def ask(root: Path, **changed: dict) -> None:
    """Change keys of sections of the toy's params.yaml; what is not named stays."""
    path = root / "modalities" / "toy" / "params.yaml"
    settings = yaml.safe_load(path.read_text())
    for section, keys in changed.items():
        settings[section] |= keys
    path.write_text(yaml.safe_dump(settings))
