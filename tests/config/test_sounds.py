"""Sound files are found by name in their directories, and nowhere else."""

from pathlib import Path

import pytest

from config.sounds import find_configured, find_sound


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    directory = tmp_path / "sounds"
    (directory / "shop").mkdir(parents=True)
    (directory / "hello.wav").write_bytes(b"RIFF")
    (directory / "shop" / "open.wav").write_bytes(b"RIFF")
    (tmp_path / "secret.wav").write_bytes(b"RIFF")
    (directory / "linked.wav").symlink_to(directory / "hello.wav")
    (directory / "leads_out.wav").symlink_to(tmp_path / "secret.wav")
    (directory / "loop.wav").symlink_to(directory / "loop.wav")
    (directory / "out").symlink_to(tmp_path)
    return directory


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("hello.wav", "hello.wav"),
        ("shop/open.wav", "shop/open.wav"),
        ("shop/../hello.wav", "hello.wav"),
        ("linked.wav", "hello.wav"),
    ],
)
def test_files_inside_are_found(sounds: Path, name: str, found: str) -> None:
    assert find_sound(name, [sounds.parent / "none", sounds]) == sounds / found
    assert find_sound(str(sounds / name), [sounds]) == sounds / found


@pytest.mark.parametrize(
    "name",
    ["none.wav", "../secret.wav", "leads_out.wav", "out/secret.wav", "loop.wav", "shop", "", ".",
     "/etc/passwd", "x" * 5000, "a\x00b", "shop/../../secret.wav"],
)  # fmt: skip
def test_nothing_else_is(sounds: Path, name: str) -> None:
    assert find_sound(name, [sounds]) is None
    assert find_sound(str(sounds / name), [sounds]) is None


def test_a_directory_that_is_a_link_is_the_one_that_it_leads_to(
    tmp_path: Path, sounds: Path
) -> None:
    (tmp_path / "link").symlink_to(sounds)
    assert find_sound("hello.wav", [tmp_path / "link"]) == sounds / "hello.wav"


def test_the_configuration_may_name_a_path_as_well(tmp_path: Path, sounds: Path) -> None:
    assert find_configured("hello.wav", [sounds]) == sounds / "hello.wav"
    assert find_configured(str(tmp_path / "secret.wav"), [sounds]) == tmp_path / "secret.wav"
    for name in ("none.wav", str(tmp_path), "x" * 5000, "a\x00b"):
        assert find_configured(name, [sounds]) is None
