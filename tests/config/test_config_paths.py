"""The locations of config, data and cache, with and without a home folder."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from newapi_cli.config.file import read_config, write_atomically
from newapi_cli.config.paths import NO_HOME, ensure_private_dir, find_paths
from newapi_cli.errors import ConfigError


@pytest.fixture(params=[0o000, 0o077, 0o777], ids=oct)
def any_umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Run the test under three umasks."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove HOME and the user's entry in the password file, in an empty current folder."""

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.chdir(tmp_path)


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_newapi_home_contains_config_data_and_cache(tmp_path: Path) -> None:
    paths = find_paths({"NEWAPI_HOME": str(tmp_path)})
    assert (paths.config_file, paths.data_dir, paths.cache_dir) == (
        tmp_path / "config.toml",
        tmp_path / "data",
        tmp_path / "cache",
    )


def test_without_newapi_home_the_platforms_folders_are_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "d"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "k"))
    paths = find_paths({"NEWAPI_HOME": ""})
    assert paths.config_file == tmp_path / "c/newapi/config.toml"
    assert paths.data_dir == tmp_path / "d/newapi"
    assert paths.cache_dir == tmp_path / "k/newapi"


def test_finding_the_paths_creates_nothing(tmp_path: Path) -> None:
    find_paths({"NEWAPI_HOME": str(tmp_path / "new")})
    find_paths({})
    assert list(tmp_path.iterdir()) == []


def test_a_relative_newapi_home_becomes_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_paths({"NEWAPI_HOME": "here"}).data_dir == tmp_path / "here/data"


def test_a_tilde_in_newapi_home_is_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_paths({"NEWAPI_HOME": "~/n"}).config_file == tmp_path / "n/config.toml"


@pytest.mark.usefixtures("nobodys_home")
@pytest.mark.parametrize("environ", [{}, {"NEWAPI_HOME": "~/n"}])
def test_without_a_home_folder_nothing_is_read_and_writing_is_an_error(
    environ: dict[str, str], tmp_path: Path
) -> None:
    planted = tmp_path / "~/.config/newapi"
    planted.mkdir(parents=True)
    (planted / "config.toml").write_text('default_profile = "evil"')
    paths = find_paths(environ)
    assert paths.config_file.is_relative_to(NO_HOME)
    assert read_config(paths.config_file).profiles == {}
    for folder in (paths.config_file.parent, paths.data_dir, paths.cache_dir):
        with pytest.raises(ConfigError, match="no home folder") as caught:
            ensure_private_dir(folder)
        assert "NEWAPI_HOME" in caught.value.hint
    with pytest.raises(ConfigError, match="no home folder"):
        write_atomically(paths.config_file, "")
    assert [path.name for path in planted.iterdir()] == ["config.toml"]


def test_new_folders_are_private_under_any_umask(any_umask: int, tmp_path: Path) -> None:
    ensure_private_dir(tmp_path / "a/b/c")
    assert [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o700] * 3


def test_an_existing_folder_keeps_its_mode(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    ensure_private_dir(shared / "mine")
    assert (mode_of(shared), mode_of(shared / "mine")) == (0o755, 0o700)


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file/below"):
        with pytest.raises(ConfigError, match="cannot create the folder"):
            ensure_private_dir(path)


def test_a_relative_home_in_a_removed_folder_is_no_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find_paths({"NEWAPI_HOME": "relative"}).config_file.is_relative_to(NO_HOME)


@pytest.mark.parametrize("home", ["", "missing", "relative"])
@pytest.mark.parametrize("environ", [{}, {"NEWAPI_HOME": "~/n"}])
def test_an_invalid_home_is_not_written_to(
    home: str, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "relative").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / home) if home == "missing" else home)
    paths = find_paths(environ)
    # Not tried by writing: an empty one would be the root folder of this machine.
    assert [path for path in paths if not path.is_relative_to(NO_HOME)] == []


def test_a_variable_of_the_platform_needs_no_home_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", "")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "c"))
    paths = find_paths({})
    assert paths.config_file == tmp_path / "c/newapi/config.toml"
    assert paths.data_dir.is_relative_to(NO_HOME)
