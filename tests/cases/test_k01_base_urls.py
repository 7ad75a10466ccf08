"""K1: a URL that names an API is used as given, with its query; only others get `/v1`.

QuantumNous/new-api#853, openclaw/openclaw#48107.
"""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newapi_cli.demo.server import DemoGateway
from newapi_cli.domain.base_url import base_url_from_text
from tests.doctor.doctor_runs import run_doctor
from tests.support.cases import each
from tests.support.home import Home
from tests.support.path_server import Answer, PathServer, serving
from tests.support.process import Environment, Result, run_newapi
from tests.support.wire import REQUEST_ID, answer_events

KEY = "sk-loginkeyA1b2C3d4E5f6G7h8"
REPORTED = (Path(__file__).parent.parent / "data/cases/br01-base-urls.txt").read_text().split()
CHAT = "/chat/completions"
ANSWER = Answer(b"".join(answer_events("Paris")), content_type="text/event-stream")
MODELS = Answer({"object": "list", "data": [{"id": "test-model"}]})
NEW_API = (("X-Oneapi-Request-Id", REQUEST_ID),)
GEMINI = {"models": [{"name": "models/gemini-2.5-flash", "displayName": "Gemini"}]}
WEB_PAGE = Answer(b"<!doctype html><title>New API</title>", content_type="text/html")

# A pasted path, and the path of the API that it means.
ROOTS = [
    # -- versions
    ("/v1", "/v1"),
    ("/v1/", "/v1"),
    ("/v2/", "/v2"),
    ("/v3", "/v3"),
    ("/v10", "/v10"),
    ("/V1", "/V1"),
    ("/v1beta", "/v1beta"),
    ("/v1alpha2", "/v1alpha2"),
    ("/v1.1", "/v1.1"),
    ("/v1p1beta1", "/v1p1beta1"),
    ("//v2", "/v2"),
    ("/v1/v1", "/v1/v1"),
    ("/api/v1", "/api/v1"),
    ("/api/v3", "/api/v3"),
    ("/api/paas/v4", "/api/paas/v4"),
    ("/api/coding/paas/v4/", "/api/coding/paas/v4"),
    ("/compatible-mode/v1", "/compatible-mode/v1"),
    ("/openai/v1", "/openai/v1"),
    ("/inference/v1", "/inference/v1"),
    ("/sub/path/v2", "/sub/path/v2"),
    ("/client/v4/accounts/0123/ai/v1", "/client/v4/accounts/0123/ai/v1"),
    # -- other APIs
    ("/v1beta/openai/", "/v1beta/openai"),
    ("/v1/openai", "/v1/openai"),
    ("/v3/openai", "/v3/openai"),
    ("/inference", "/inference"),
    ("/serving-endpoints", "/serving-endpoints"),
    ("/openai/deployments/gpt-4o", "/openai/deployments/gpt-4o"),
    ("/v1beta1/projects/p/locations/l/endpoints/openapi",
     "/v1beta1/projects/p/locations/l/endpoints/openapi"),
    ("/v1/0123/my-gateway/compat", "/v1/0123/my-gateway/compat"),
    ("/v1/0123/my-gateway/groq", "/v1/0123/my-gateway/groq"),
    # -- endpoints
    ("/v1/chat/completions", "/v1"),
    ("/v1/chat/completions/", "/v1"),
    ("/chat/completions", ""),
    ("/sub/chat/completions", "/sub"),
    ("/api/v3/chat/completions", "/api/v3"),
    ("/api/paas/v4/chat/completions", "/api/paas/v4"),
    ("/console/chat/completions", "/console"),
    ("/models/chat/completions", "/models"),
    ("/v1/chat", "/v1"),
    ("/v1/models", "/v1"),
    ("/v1/models/gpt-4o", "/v1"),
    ("/v1/images/generations", "/v1"),
    ("/v2/completions", "/v2"),
    ("/v1beta/openai/models", "/v1beta/openai"),
    ("/v1/openai/embeddings", "/v1/openai"),
    ("/api/v3/responses", "/api/v3"),
    ("/models", "/v1"),
    ("/completions", "/v1"),
    # -- hosts, console pages, and servers below a path as 0.1.0 stored them
    ("", "/v1"),
    ("/", "/v1"),
    ("/console", "/v1"),
    ("/console/token", "/v1"),
    ("/login", "/v1"),
    ("/api/status", "/v1"),
    ("/api/user/self", "/v1"),
    ("/sub", "/sub/v1"),
    ("/sub/console/token", "/sub/v1"),
    ("/api", "/api/v1"),
    ("/openai", "/openai/v1"),
    ("/compatible-mode", "/compatible-mode/v1"),
    ("/client/v4/accounts/0123/ai", "/client/v4/accounts/0123/ai/v1"),
    ("/my-v1", "/my-v1/v1"),
    ("/v2ray", "/v2ray/v1"),
]  # fmt: skip

# A pasted path with its query, and the request target of an answer.
QUERIES = [
    ("?x=1", "/v1/chat/completions?x=1"),
    ("/?x=1", "/v1/chat/completions?x=1"),
    ("/v1?x=1&y=2", "/v1/chat/completions?x=1&y=2"),
    ("/v1/models?x=1", "/v1/chat/completions?x=1"),
    ("/sub?x=1", "/sub/v1/chat/completions?x=1"),
    ("/v2/?api-version=1#top", "/v2/chat/completions?api-version=1"),
    ("/openai/v1/?api-version=preview", "/openai/v1/chat/completions?api-version=preview"),
    ("/openai/deployments/gpt-4o?api-version=2024-10-21",
     "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"),
    ("/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
     "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview"),
    ("/models?api-version=2024-05-01-preview",
     "/models/chat/completions?api-version=2024-05-01-preview"),
    ("/models/chat/completions?api-version=2024-05-01-preview",
     "/models/chat/completions?api-version=2024-05-01-preview"),
    ("/any/path?api-version=1", "/any/path/chat/completions?api-version=1"),
    ("/v1?name=a%20b&ü=é", "/v1/chat/completions?name=a%20b&%C3%BC=%C3%A9"),
    ("/api/openai/v1/chat/completions?tenant=a", "/api/openai/v1/chat/completions?tenant=a"),
    ("/api/v1?tenant=a", "/api/v1/chat/completions?tenant=a"),
    ("/console/log?p=1", "/v1/chat/completions"),  # the query of a page
    ("/api/user/self?p=1", "/v1/chat/completions"),
]  # fmt: skip


@pytest.fixture
def server() -> Iterator[PathServer]:
    """Return a server with nothing but 404."""
    with serving({}) as running:
        yield running


def chat(home: Home, url: str, *args: str) -> Result:
    """Send a prompt to a base URL, or print it as curl."""
    return run_newapi("chat", "-n", *args, "hi", home=home, env=variables(url))


def variables(url: str) -> Environment:
    """Return the environment for a base URL with a key."""
    return {"NEWAPI_BASE_URL": url, "NEWAPI_API_KEY": KEY, "NEWAPI_MODEL": "test-model",
            "NEWAPI_RETRIES": "0"}  # fmt: skip


def login(home: Home, url: str, *args: str) -> Result:
    """Log in with the key on standard input."""
    return run_newapi("login", url, *args, "--stdin", home=home, stdin=KEY.encode())


def stored_url(home: Home) -> str:
    """Return the base URL in the config file."""
    table = tomllib.loads(home.config_file.read_text("utf-8"))
    return str(table["profiles"]["default"]["base_url"])


def target_of_curl(home: Home, url: str) -> str:
    """Return the path and the query that `--curl` shows."""
    result = chat(home, url, "--curl")
    assert result.code == 0, result
    words = shlex.split(result.text)
    parts = urlsplit(words[words.index("--no-buffer") + 1])
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_the_reported_urls_are_among_the_cases() -> None:
    paths = [url.removeprefix("http://127.0.0.1:38417") for url in REPORTED]
    assert len(paths) == 7
    assert set(paths) <= {path for path, _ in ROOTS} | {"/v2/"}


def test_a_prompt_goes_to_the_api_that_the_url_names(home: Home, server: PathServer) -> None:
    cases = [(path, f"{root}{CHAT}") for path, root in ROOTS] + QUERIES
    for path, target in cases:
        server.answers, server.requests = {target: ANSWER}, []
        result = chat(home, server.url + path)
        assert (result.code, result.text) == (0, "Paris\n"), (path, target, server.paths)
        assert {each.path for each in server.requests if each.key} == {target}


@each(("path", "root"), ROOTS)
def test_curl_shows_where_the_prompt_goes(home: Home, path: str, root: str) -> None:
    assert target_of_curl(home, f"https://host.example{path}") == f"{root}{CHAT}"


@each(("path", "target"), QUERIES)
def test_a_query_is_kept(home: Home, path: str, target: str) -> None:
    assert target_of_curl(home, f"https://host.example{path}") == target


@each(("path", "target"), [(path, f"{root}{CHAT}") for path, root in ROOTS] + QUERIES)
def test_what_is_stored_means_the_same(path: str, target: str) -> None:
    base = base_url_from_text(f"https://host.example{path}")
    assert base.path("/v1/chat/completions") == target
    assert base_url_from_text(str(base)) == base


@pytest.mark.parametrize("url", REPORTED)
def test_login_models_and_doctor_agree_on_a_reported_url(
    home: Home, server: PathServer, url: str
) -> None:
    path = urlsplit(url).path
    root = path.rstrip("/").removesuffix(CHAT)
    server.answers = {f"{root}/models": MODELS, f"{root}{CHAT}": ANSWER}
    result = login(home, server.url + path)
    assert result.code == 0, result
    assert "1 model\n" in result.err
    assert server.paths == [f"{root}/models"]
    result = run_newapi("models", "--refresh", home=home)
    assert (result.code, result.text) == (0, "test-model\n"), result
    run = run_doctor(home)
    assert run.failed == [], run.result
    result = run_newapi("chat", "-n", "hi", home=home)
    assert (result.code, result.text) == (0, "Paris\n"), result
    assert {each.path for each in server.requests if each.key} == {
        f"{root}/models",
        f"{root}{CHAT}",
    }


def test_azure_is_used_with_its_query_by_every_command(home: Home, server: PathServer) -> None:
    root, query = "/openai/deployments/gpt-4o", "?api-version=2024-10-21"
    server.answers = {f"{root}{CHAT}{query}": ANSWER}
    result = login(home, f"{server.url}{root}{CHAT}{query}", "--no-check")
    assert result.code == 0, result
    assert stored_url(home) == f"{server.url}{root}{query}"
    assert run_newapi("config", "set", "model", "gpt-4o", home=home).code == 0
    result = run_newapi("chat", "-n", "hi", home=home)
    assert (result.code, result.text) == (0, "Paris\n"), result
    run = run_doctor(home, "--yes")
    assert run.failed == [], run.result
    assert run["server"].verdict == "warning"
    assert "lists no models" in run["server"].text
    assert run["answer"].verdict == "ok"


@pytest.mark.parametrize(
    "listed",
    [
        Answer(GEMINI, headers=NEW_API),
        Answer({"object": "list", "data": []}),
        Answer(MODELS.body, headers=NEW_API),  # /v1beta/openai/models of New API
        Answer({"error": {"message": "Invalid URL (GET /v1beta/models)"}}, 404),
        Answer({"detail": "Method Not Allowed"}, 405),
        Answer({"data": "none"}),
        WEB_PAGE,
    ],
    ids=["Gemini", "empty", "New API", "404", "405", "no list", "web page"],
)
@pytest.mark.parametrize("path", ["/v1beta", "/v1beta/openai/", "/api/v3"])
def test_login_finds_the_api_of_the_host(
    home: Home, server: PathServer, path: str, listed: Answer
) -> None:
    root = path.rstrip("/")
    server.answers = {f"{root}/models": listed, "/v1/models": MODELS, f"/v1{CHAT}": ANSWER}
    result = login(home, server.url + path)
    assert result.code == 0, result
    assert f"no models at {server.url}{root}; using {server.url}/v1 instead\n" in result.err
    assert stored_url(home) == server.url
    assert server.paths == [f"{root}/models", "/v1/models"]
    assert run_newapi("chat", "-n", "hi", home=home).text == "Paris\n"


@each(
    ("path", "root"),
    [
        ("/sub", "/sub"),
        ("/sub", "/v1"),
        ("/api", "/api"),
        ("/sub/v1beta", "/sub/v1"),
        ("/sub/v1beta", "/v1"),
        ("/v1beta", "/v1beta/openai"),
        ("/sub/chat/completions", "/sub/v1"),
        ("/chat/completions", "/v1"),
        ("/somewhere/else", "/v1"),
    ],
)
def test_login_tries_where_else_the_api_may_be(home: Home, path: str, root: str) -> None:
    with serving({f"{root}/models": MODELS}) as server:
        result = login(home, server.url + path)
        assert result.code == 0, result
        assert f"; using {server.url}{root} instead\n" in result.err
        assert base_url_from_text(stored_url(home)).root == root


def test_the_real_new_api_is_found_from_the_url_of_another_api(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        result = login(home, f"{gateway.base_url}/v1beta")
        assert result.code == 0, result
        assert f"using {gateway.base_url}/v1 instead" in result.err
        assert stored_url(home) == gateway.base_url


def test_a_given_api_without_models_stays_if_there_is_no_other(
    home: Home, server: PathServer
) -> None:
    server.answers = {"/api/v3/models": Answer({"object": "list", "data": []})}
    result = login(home, f"{server.url}/api/v3")
    assert result.code == 0, result
    assert stored_url(home) == f"{server.url}/api/v3"


def test_a_server_without_a_list_is_stored_without_a_check_only(
    home: Home, server: PathServer
) -> None:
    result = login(home, f"{server.url}/inference")
    assert (result.code, result.out) == (6, b""), result
    assert f"newapi login {server.url}/inference --no-check" in result.err
    assert not home.config_file.exists()
    assert server.paths == ["/inference/models", "/v1/models"]


def test_a_url_in_a_hint_is_one_word_of_a_shell(home: Home, server: PathServer) -> None:
    result = login(home, f"{server.url}/inference?a=1&b=2")
    assert f"newapi login '{server.url}/inference?a=1&b=2' --no-check" in result.err


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_a_refused_key_is_not_tried_elsewhere(home: Home, server: PathServer, status: int) -> None:
    refusal = Answer({"error": {"message": "Invalid token", "type": "new_api_error"}}, status)
    server.answers = {"/api/v3/models": refusal, "/v1/models": MODELS}
    assert login(home, f"{server.url}/api/v3", "--retries", "0").code in (4, 6, 7)
    record = ["/api/usage/token/"] if status == 401 else []  # New API's record of the key
    assert server.paths == ["/api/v3/models", *record]
    assert not home.config_file.exists()


@each(
    ("text", "stored", "api"),
    [
        ("https://h.example/console/token", "https://h.example", "https://h.example/v1"),
        ("https://h.example/v1/", "https://h.example", "https://h.example/v1"),
        ("h.example/api/v3/chat/completions", "https://h.example/api/v3",
         "https://h.example/api/v3"),
        ("https://h.example/chat/completions/", "", ""),
        ("https://h.example/api/v3/", "", ""),
        ("https://h.example", "", ""),
    ],
)  # fmt: skip
def test_config_set_says_what_it_stored(home: Home, text: str, stored: str, api: str) -> None:
    result = run_newapi("config", "set", "base_url", text, home=home)
    assert result.code == 0, result
    note = f"  as {stored}; its API is at {api}\n"
    assert result.err.endswith(note) if stored else "  as " not in result.err


def test_doctor_names_the_api_of_new_api(home: Home) -> None:
    with DemoGateway(pace_s=0) as gateway:
        home.configure(f"{gateway.base_url}/v1beta")
        run = run_doctor(home)
        run.assert_first_failed("server", 6, f"config set base_url {gateway.base_url}")


def test_doctor_accepts_new_api_behind_another_path(home: Home, server: PathServer) -> None:
    status = Answer({"data": {"quota_per_unit": 500_000}}, headers=NEW_API)
    server.answers = {
        "/api/v3/models": Answer(MODELS.body, headers=NEW_API),
        "/api/status": status,
    }
    home.configure(f"{server.url}/api/v3")
    assert run_doctor(home)["server"].verdict == "ok"
    result = login(home, f"{server.url}/api/v3", "-P", "new")
    assert (result.code, "instead" in result.err) == (0, False), result


@pytest.mark.parametrize("name", ["key", "api_key", "api-key", "token", "subscription-key", "sig"])
def test_a_key_in_the_query_is_rejected(home: Home, name: str) -> None:
    result = chat(home, f"https://host.example/v1?x=1&{name}=AIzaSecretSecret0123")
    assert (result.code, result.out) == (3, b""), result
    assert f"its query contains a key ({name}=)" in result.err
    assert "AIza" not in result.err


@each(
    ("stored", "root"),
    [
        ("https://gateway.example", "/v1"),
        ("https://openrouter.ai/api", "/api/v1"),
        ("https://api.groq.com/openai", "/openai/v1"),
        ("https://dashscope.aliyuncs.com/compatible-mode", "/compatible-mode/v1"),
        ("https://api.cloudflare.com/client/v4/accounts/0/ai", "/client/v4/accounts/0/ai/v1"),
        ("https://api.fireworks.ai/inference", "/inference/v1"),
        ("https://gateway.example/sub", "/sub/v1"),
    ],
)
def test_profiles_stored_by_0_1_0_keep_working(home: Home, stored: str, root: str) -> None:
    home.configure(stored)
    result = run_newapi("chat", "-n", "--curl", "hi", home=home)
    assert f"{urlsplit(stored).netloc}{root}{CHAT} " in result.text
    rows = json.loads(run_newapi("config", "list", "--json", home=home).text)
    assert rows["base_url"]["value"] == stored


@each(
    ("text", "url"),
    [
        ("[::1]:3000", "http://[::1]:3000"),
        ("[::1]", "http://[::1]"),
        ("[::1]:3000/v2", "http://[::1]:3000/v2"),
        ("[0:0:0:0:0:0:0:1]:80", "http://[0:0:0:0:0:0:0:1]"),
        ("[::2]:3000", "https://[::2]:3000"),
        ("[fe80::1]:3000", "https://[fe80::1]:3000"),
        ("[2001:db8::1]", "https://[2001:db8::1]"),
        ("127.0.0.1:3000", "http://127.0.0.1:3000"),
    ],
)
def test_a_bare_ipv6_loopback_is_plain_http(text: str, url: str) -> None:
    assert str(base_url_from_text(text)) == url
