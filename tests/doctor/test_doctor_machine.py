"""Problems on this machine: invalid config files, unusable stores, file modes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from newapi_cli.demo.server import DemoGateway
from newapi_cli.store.sessions import SessionStore
from tests.doctor.doctor_runs import run_doctor
from tests.sessions.helpers import data_dir, sessions_file, without_root
from tests.support.home import CANARY, Home
from tests.support.process import newapi_command, run_command


@pytest.fixture
def well(home: Home, gateway: DemoGateway) -> Home:
    """Return a home with a working configuration."""
    return home.configure(gateway.base_url, model="demo")


def begin_store(home: Home) -> None:
    data_dir(home).mkdir(0o700, parents=True)
    SessionStore(sessions_file(home)).close()


def test_an_invalid_config_file_is_a_failed_check(home: Home) -> None:
    home.configure("https://gateway.invalid")
    with home.config_file.open("a", encoding="utf-8") as file:
        file.write(f"api_key = {CANARY}\n")
    run = run_doctor(home)
    row = run.assert_first_failed("configuration", 3, "straight double quotes")
    assert f"{home.config_file}:7:11: " in row.text
    assert run.failed == ["configuration"]
    assert run["base URL"][1:3] == ("skipped", 'fix "configuration" first')
    assert run["key"][1:3] == ("skipped", 'fix "configuration" first')
    assert run["store"].verdict == "ok"


def test_an_invalid_config_file_does_not_stop_the_other_checks(
    home: Home, gateway: DemoGateway
) -> None:
    home.configure("https://gateway.invalid")
    home.config_file.write_text("this is no TOML", "utf-8")
    env = {
        "NEWAPI_BASE_URL": gateway.base_url,
        "NEWAPI_API_KEY": CANARY,
        "NEWAPI_MODEL": "demo",
    }
    run = run_doctor(home, env=env)
    assert (run.failed, run.result.code) == (["configuration"], 3)
    assert {run[name].verdict for name in ("server", "key", "models", "prices")} == {"ok"}


def test_a_key_that_may_be_in_an_invalid_file_is_not_reported_as_missing(
    home: Home, gateway: DemoGateway
) -> None:
    home.configure("https://gateway.invalid")
    home.config_file.write_text("this is no TOML", "utf-8")
    run = run_doctor(home, env={"NEWAPI_BASE_URL": gateway.base_url})
    assert run.failed == ["configuration"]
    assert run["key"][1:3] == ("skipped", 'fix "configuration" first')
    assert run["server"].verdict == "ok"


def test_an_invalid_setting_blocks_the_checks_that_need_settings(home: Home) -> None:
    home.configure("https://gateway.invalid", timeout="soon")
    run = run_doctor(home)
    run.assert_first_failed("configuration", 3, "newapi config set timeout")
    assert run["base URL"][1:3] == ("skipped", 'fix "configuration" first')
    assert run["key"][1:3] == ("skipped", 'fix "configuration" first')
    assert run["store"].verdict == "ok"


def test_nothing_is_configured(home: Home) -> None:
    run = run_doctor(home)
    run.assert_first_failed("base URL", 3, "newapi login")
    assert "no config file ~/newapi/config.toml" in run["configuration"].text
    assert not home.newapi_home.exists()  # to look makes nothing


def test_a_missing_home_folder(home: Home) -> None:
    run = run_doctor(home, env={"NEWAPI_HOME": None, "HOME": str(home.path / "missing")})
    assert run["configuration"].text.startswith("no config file; ")
    assert run["store"].text == "nothing can be saved; no home folder"
    assert "NEWAPI_HOME" in run["store"].hint
    assert not (home.path / "missing").exists()


def test_unknown_names_are_a_warning(well: Home) -> None:
    with well.config_file.open("a", encoding="utf-8") as file:
        file.write("modle = 'x'\n")
    row = run_doctor(well)["configuration"]
    assert (row.verdict, row.hint) == ("warning", "newapi config edit")
    assert 'did you mean "model"?' in row.text


def test_a_folder_that_others_can_change(well: Home) -> None:
    begin_store(well)
    data_dir(well).chmod(0o777)
    row = run_doctor(well)["files"]
    assert (row.verdict, row.hint) == ("warning", f"chmod 700 {data_dir(well)}")


def test_sessions_that_others_can_read(well: Home) -> None:
    begin_store(well)
    sessions_file(well).chmod(0o644)
    row = run_doctor(well)["files"]
    assert (row.verdict, row.hint) == ("warning", f"chmod 600 {sessions_file(well)}")


def test_a_file_that_cannot_be_checked_is_a_warning(well: Home) -> None:
    begin_store(well)
    well.newapi_home.chmod(0)
    try:
        result = run_command(without_root(*newapi_command("doctor")), home=well)
    finally:
        well.newapi_home.chmod(0o700)
    [line] = [line for line in result.text.splitlines() if line.startswith("files\t")]
    _, verdict, text, hint = line.split("\t")
    assert (verdict, hint) == ("warning", f"ls -ld {well.newapi_home}")
    assert text.startswith("cannot check ~/newapi/config.toml, ~/newapi/data/sessions.db")


def test_a_read_only_home(well: Home) -> None:
    well.newapi_home.chmod(0o500)
    try:
        command = without_root(*newapi_command("doctor"))
        result = run_command(command, home=well)
    finally:
        well.newapi_home.chmod(0o700)
    assert result.code == 10, result
    [line] = [line for line in result.text.splitlines() if "\tfailed\t" in line]
    assert line.startswith("store\tfailed\tnothing can be saved; ")
    assert "NEWAPI_HOME" in line


def test_the_store_is_counted_and_not_changed(well: Home) -> None:
    begin_store(well)
    before = (sessions_file(well).read_bytes(), sorted(data_dir(well).iterdir()))
    row = run_doctor(well)["store"]
    assert row.verdict == "ok"
    assert "0 sessions; 0 turns; in ~/newapi/data/sessions.db; " in row.text
    assert row.text.endswith("no errors")
    assert (sessions_file(well).read_bytes(), sorted(data_dir(well).iterdir())) == before


def test_a_damaged_store(well: Home) -> None:
    begin_store(well)
    data = bytearray(sessions_file(well).read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    sessions_file(well).write_bytes(data)
    run_doctor(well).assert_first_failed("store", 10, f"mv {sessions_file(well)} ")


def test_a_store_of_a_newer_version(well: Home) -> None:
    begin_store(well)
    with closing(sqlite3.connect(sessions_file(well))) as connection:
        connection.execute("PRAGMA user_version = 999")
    row = run_doctor(well).assert_first_failed("store", 10, "update newapi")
    assert "created by a newer version of newapi" in row.text


def test_a_store_of_an_older_version_is_not_migrated(well: Home) -> None:
    begin_store(well)
    with closing(sqlite3.connect(sessions_file(well))) as connection:
        connection.execute("PRAGMA user_version = 1")
    row = run_doctor(well)["store"]
    assert "version 1; migrated at its next use" in row.text
    with closing(sqlite3.connect(sessions_file(well))) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_key_command_that_fails(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url, model="demo", api_key="", api_key_command="exit 3")
    row = run_doctor(home).assert_first_failed("key", 3, "run the command in a shell")
    assert "failed (exit code 3)" in row.text


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        (
            {"HTTP_PROXY": "http://me:pw@127.0.0.1:9"},
            "none; local servers are connected to directly; HTTP_PROXY ignored",
        ),
        ({}, "none; local servers are connected to directly"),
    ],
)
def test_a_local_server_is_connected_to_without_a_proxy(
    well: Home, env: dict[str, str], expected: str
) -> None:
    run = run_doctor(well, env=env)
    assert run["proxy"].text.startswith(expected)
    assert run.failed == []


def test_no_proxy_is_reported(home: Home) -> None:
    home.configure("https://gateway.invalid")
    env = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": ".invalid"}
    row = run_doctor(home, env=env)["proxy"]
    assert row[1:3] == ("ok", "none; NO_PROXY covers gateway.invalid; HTTPS_PROXY ignored")


def test_an_unreachable_proxy_fails_the_tcp_check(home: Home) -> None:
    home.configure("https://gateway.invalid")
    run = run_doctor(home, "--proxy", "http://me:pw@127.0.0.1:9")
    assert run["proxy"].text == "http://****@127.0.0.1:9 from option --proxy"
    assert run["DNS"].text == "the proxy; 127.0.0.1 is an IP address"
    row = run.assert_first_failed("TCP", 5)
    assert "127.0.0.1:9 refused the connection" in row.text


def test_certificates_that_cannot_be_read(home: Home, gateway: DemoGateway) -> None:
    home.configure(gateway.base_url.replace("http:", "https:"), ca_bundle="/nowhere.pem")
    row = run_doctor(home).assert_first_failed("TLS", 3, "PEM")
    assert "ca_bundle: cannot read certificates from /nowhere.pem" in row.text
