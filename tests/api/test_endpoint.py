"""The language of the user in the request headers, which are always valid."""

from __future__ import annotations

import random

from newapi_cli.api.http.endpoint import Endpoint, accepted_language
from newapi_cli.domain.base_url import base_url_from_text
from tests.support.cases import each
from tests.support.fault_server import FaultServer
from tests.support.home import Home
from tests.support.process import run_newapi
from tests.support.scale import REPEAT, SEED
from tests.support.steps import sse
from tests.support.wire import answer_events

GERMAN = "de, en;q=0.5"


@each(
    ("environ", "language"),
    [
        ({}, "en"),
        ({"LANG": ""}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_SG.GB2312"}, "zh"),
        ({"LANG": "zh_TW.Big5"}, "zh-TW"),
        ({"LANG": "zh_HK.UTF-8"}, "zh-TW"),
        ({"LANG": "zh-Hant-MO"}, "zh-TW"),
        ({"LANG": "zh_Hans_CN"}, "zh"),
        ({"LANG": "de_DE.UTF-8@euro"}, GERMAN),
        ({"LANG": "de-DE"}, GERMAN),
        ({"LANG": "kok_IN"}, "kok, en;q=0.5"),
        # which variable rules
        ({"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE"}, GERMAN),
        ({"LC_MESSAGES": "zh_CN", "LC_ALL": "de_DE"}, GERMAN),
        ({"LANG": "zh_CN", "LC_ALL": ""}, "zh"),
        ({"LANG": "zh_CN", "LC_ALL": "C"}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "zh_TW:en"}, "zh-TW"),
        ({"LANG": "C.UTF-8", "LANGUAGE": "de"}, GERMAN),
        ({"LANGUAGE": "de"}, GERMAN),
        ({"LANG": "C", "LANGUAGE": "de"}, "en"),
        ({"LANG": "de_DE", "LANGUAGE": ""}, GERMAN),
        ({"LANG": "de_DE", "LANGUAGE": "::"}, GERMAN),
        ({"LC_CTYPE": "zh_CN"}, "en"),
        # garbage
        ({"LANG": "zh\r\nX-Evil: 1"}, "en"),
        ({"LANG": "de\r\n"}, "en"),
        ({"LANG": "语言"}, "en"),
        ({"LANG": "ｄｅ"}, "en"),
        ({"LANG": "d\udcff"}, "en"),
        ({"LANG": "/usr/share/locale"}, "en"),
        ({"LANG": "1e"}, "en"),
        ({"LANG": "x" * 100_000}, "en"),
    ],
)
def test_the_language_is_that_of_the_locale(environ: dict[str, str], language: str) -> None:
    assert accepted_language(environ) == language


def test_no_locale_makes_an_invalid_header() -> None:
    chance = random.Random(SEED)
    pieces = ["zh", "de", "_", "-", ".", "@", ":", "CN", "\r", "\n", "\0", "é", "\udcff", ",", " "]
    for _ in range(20_000):
        environ = {
            name: "".join(chance.choices(pieces, k=chance.randrange(6)))
            for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
        }
        language = accepted_language(environ)
        plain = language.replace(", en;q=0.5", "").replace("-", "")
        assert plain.isascii() and plain.isalpha() and len(plain) <= 4, (REPEAT, environ)


def test_the_language_is_in_the_headers() -> None:
    base_url = base_url_from_text("https://gateway.example")
    assert Endpoint(base_url, environ={"LANG": "zh_CN"}).headers()["Accept-Language"] == "zh"
    assert Endpoint(base_url).headers()["Accept-Language"] == "en"


def test_requests_carry_the_language_of_the_user(home: Home) -> None:
    with FaultServer(sse(*answer_events("Paris"))) as server:
        home.configure(server.url)
        result = run_newapi("chat", "hi", home=home, env={"LANG": "zh_TW.UTF-8"})
        assert result.code == 0, result.err
        assert server.requests[0].header("Accept-Language") == "zh-TW"
