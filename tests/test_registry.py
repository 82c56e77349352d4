"""The registry: one version an encoder, one champion for a reason, and no file that is not the one registered."""

import hashlib
import shutil

import pytest
from folders import encoder, tree

from addend.errors import BadSetting, TamperedArtifact, UnfitManifest, UnknownFormat


def test_what_was_registered_is_what_is_fetched(registry, tmp_path):
    folder = encoder(tmp_path / "encoder")
    version = registry.register(
        "bao", folder, {"commit": "abc", "data": {"train": "d1"}}, {"log_score": 1.5}
    )
    assert tree(registry.fetch(version)) == tree(folder)
    assert version.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()
    assert registry.tags(version) == {"commit": "abc", "data.train": "d1", "digest": version.digest}
    assert registry.candidate("bao") == version and registry.champion("bao") is None


def test_one_encoder_is_one_version_however_often_it_is_registered(registry, tmp_path):
    folder = encoder(tmp_path / "encoder")
    first = registry.register("bao", folder, {}, {})
    assert registry.register("bao", folder, {"commit": "later"}, {}) == first
    assert registry.versions("bao") == [first]


def test_the_candidate_is_the_last_one_registered(registry, tmp_path):
    first = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    second = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    assert registry.candidate("bao") == second and registry.versions("bao") == [second, first]
    registry.register("bao", tmp_path / "a", {}, {})
    assert registry.candidate("bao") == first


def test_modalities_do_not_share_versions(registry, tmp_path):
    for name in ("bao", "masers"):
        folder = encoder(tmp_path / name, name=name)
        assert registry.register(name, folder, {}, {}).version == 1
    registry.promote(registry.candidate("bao"), "it passes")
    assert registry.champion("masers") is None


def test_an_encoder_of_another_modality_is_not_registered(registry, tmp_path):
    with pytest.raises(UnfitManifest, match="one of 'bao', expected one of 'masers'"):
        registry.register("masers", encoder(tmp_path / "encoder"), {}, {})
    assert registry.versions("masers") == []


def test_promotion_moves_the_champion_and_records_why(registry, tmp_path):
    first = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    second = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    registry.promote(first, "the only one")
    assert registry.champion("bao") == first and registry.candidate("bao") == second
    registry.promote(second, "log score 0.1 nat higher")
    assert registry.champion("bao") == second
    assert (
        registry.tags(second)["reason"] == "log score 0.1 nat higher"
        and registry.tags(first)["reason"] == "the only one"
    )
    registry.promote(first, "second is biased")
    assert registry.champion("bao") == first, "one can go back"


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_nothing_is_promoted_or_refused_without_a_reason(registry, tmp_path, reason):
    version = registry.register("bao", encoder(tmp_path / "a"), {}, {})
    for judge in (registry.promote, registry.refuse):
        with pytest.raises(BadSetting, match="without a reason"):
            judge(version, reason)
    assert registry.champion("bao") is None and "verdict" not in registry.tags(version)


def test_a_refused_version_stays_with_its_reason_and_the_champion_stays_too(registry, tmp_path):
    good = registry.register("bao", encoder(tmp_path / "a", "1"), {}, {})
    bad = registry.register("bao", encoder(tmp_path / "b", "2"), {}, {})
    registry.promote(good, "it passes")
    registry.refuse(bad, "ranks fail, p = 1e-6")
    assert registry.champion("bao") == good and bad in registry.versions("bao")
    assert registry.tags(bad) | {
        "verdict": "refused",
        "reason": "ranks fail, p = 1e-6",
    } == registry.tags(bad)
    registry.refuse(good, "its pool was wrong")
    assert registry.champion("bao") is None


def test_an_encoder_that_is_not_whole_is_not_registered(registry, tmp_path):
    def changed(folder):
        (folder / "head.safetensors").write_text("2")

    def lost(folder):
        (folder / "head.safetensors").unlink()

    def without_manifest(folder):
        (folder / "manifest.json").unlink()

    def with_another_manifest(folder):
        (folder / "manifest.json").write_text('{"files": 3}')

    for i, damage in enumerate((changed, lost, without_manifest, with_another_manifest)):
        damage(encoder(tmp_path / str(i)))
        with pytest.raises((TamperedArtifact, UnknownFormat)):
            registry.register("bao", tmp_path / str(i), {}, {})
    assert registry.versions("bao") == [] and registry.candidate("bao") is None


def test_an_encoder_changed_in_the_store_is_not_fetched(registry, tmp_path):
    version = registry.register("bao", encoder(tmp_path / "a"), {}, {})
    stored = registry.fetch(version)
    (stored / "head.safetensors").write_text("2")
    with pytest.raises(TamperedArtifact, match=r"head\.safetensors"):
        registry.fetch(version)
    encoder(stored, "2")
    with pytest.raises(TamperedArtifact, match="bao version 1"):
        registry.fetch(version)
    shutil.rmtree(stored)
    with pytest.raises(TamperedArtifact, match="register the encoder again"):
        registry.fetch(version)
    assert registry.register("bao", tmp_path / "a", {}, {}) == version
    assert tree(registry.fetch(version)) == tree(tmp_path / "a"), "the remedy is one"
