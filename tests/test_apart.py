"""Fusions that have a folder of their own: their DAG is the root's, their settings are judged with the root's."""

import pytest
import yaml
from apart import ROOT, apart, folders

from addend import places, settings, shards
from addend.doors import listings
from addend.errors import BadSetting
from addend.settings import TermSettings
from addend.stages import gather

TOY = {"toy.intercept": 0.0, "toy.slope": 0.5}
TRUTH = {"truth": {"toy.slope": 0.5}, "seed": 1}


def stated(folder_of_all, **fusions):
    """The fusions of a project that states some in each file: those of the root by `root`, others by their folder."""
    for name, found in fusions.items():
        folder = folder_of_all / ("" if name == "root" else f"fusions/{name}")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "params.yaml").write_text(yaml.safe_dump({"fusions": found}))
    return settings.fusions(folder_of_all)


def test_the_dag_of_each_folder_is_that_of_the_root():
    """`python tests/apart.py` makes it anew."""
    assert folders() == ["sky"]
    for name in folders():
        assert (ROOT / "fusions" / name / "dvc.yaml").read_text() == apart(name)


def test_the_sky_is_of_every_modality_but_the_toy():
    there = {path.parent.name for path in ROOT.glob("modalities/*/params.yaml")}
    assert set(settings.fusions(ROOT)["sky"].modalities) == there - {"toy"}


def test_fusions_of_all_folders_are_found_and_none_twice(tmp_path):
    one = {"modalities": {"toy": {"set": "line"}}}
    assert list(stated(tmp_path, root={"a": one}, more={"b": one}, others={"c": one})) == [
        "a",
        "b",
        "c",
    ]
    with pytest.raises(BadSetting, match="states the fusion 'a' again; rename one"):
        stated(tmp_path, others={"a": one})


def test_a_term_is_a_set_or_so_many_drawn(tmp_path):
    found = stated(tmp_path, root={"a": {"modalities": {"toy": {"drawn": 30}}, **TRUTH}})
    assert found["a"].modalities == {"toy": TermSettings(drawn=30)}
    for term, more, said in (
        ({"drawn": 30}, {}, "draws 'toy' and states no truth; add the truth"),
        ({"drawn": 30, "set": "line"}, TRUTH, "both 'set' and 'drawn'"),
        ({"drawn": 0}, TRUTH, "'drawn' of 'toy' in"),
        ({"optional": True}, {}, "lacks 'set', expected a name, or in its place 'drawn'"),
    ):
        with pytest.raises(BadSetting, match=said):
            stated(tmp_path, root={"a": {"modalities": {"toy": term}, **more}})


def test_what_is_drawn_is_mock_and_listed(project):
    """The observations of a fusion without a set, gathered twice: at its truth, the same, and none of another seed."""
    path = project / "params.yaml"
    text = path.read_text()
    found = []
    try:
        for seed in (1, 1, 2):
            term = {"modalities": {"toy": {"drawn": 30}}, "truth": TOY, "seed": seed}
            path.write_text(yaml.safe_dump({"fusions": {"f": term}}))
            gather.gather("f")
            made = shards.read_set(places.fusion("f", "observations") / "toy")
            assert made.n == 30 and made.attrs["mock"] and made.attrs["truth"] == TOY
            found.append(made.digest)
        assert found[0] == found[1] != found[2]
        assert "30 drawn" in listings.fusions()
    finally:
        path.write_text(text)
