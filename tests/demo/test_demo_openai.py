"""The documented Python example, with the official client, against the demo gateway.

It runs in a process, so that warnings of the openai package do not fail the test.
"""

from __future__ import annotations

import os
import subprocess
import sys

import openai

from newapi_cli.demo.server import DemoGateway
from newapi_cli.demo.tour import GREETING

# spec/chat-completions.zh.txt, "Python 流式": with URL, key and model
EXAMPLE = """\
from openai import OpenAI

client = OpenAI(
    base_url="BASE_URL/v1",
    api_key="your-api-key"
)

stream = client.chat.completions.create(
    model="demo",
    messages=[{"role": "user", "content": "Hello!"}],
    stream=True
)

for chunk in stream:
    if chunk.choices[0].delta.content is not None:
        print(chunk.choices[0].delta.content, end="")
"""


def run(program: str, gateway: DemoGateway) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    environment["PYTHONIOENCODING"] = "utf-8"
    return subprocess.run(
        [sys.executable, "-c", program.replace("BASE_URL", gateway.base_url)],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=60,
        check=False,
    )


def test_the_documented_example_prints_the_whole_stream(gateway: DemoGateway) -> None:
    done = run(EXAMPLE, gateway)
    assert (done.returncode, done.stdout) == (0, GREETING), done.stderr


def test_the_official_client_reads_a_completion_and_the_models(gateway: DemoGateway) -> None:
    program = EXAMPLE.partition("stream =")[0] + (
        'messages = [{"role": "user", "content": "ok"}]\n'
        'whole = client.chat.completions.create(model="demo-echo", messages=messages)\n'
        "print(whole.choices[0].message.content, whole.usage.completion_tokens)\n"
        "print(client.models.list().data[0].id)\n"
    )
    done = run(program, gateway)
    assert (done.returncode, done.stdout) == (0, "ok 1\ndemo\n"), done.stderr


def test_the_official_client_reads_an_error(gateway: DemoGateway) -> None:
    program = "import openai\n" + EXAMPLE.replace('"your-api-key"', '"sk-wrong"').replace(
        "stream = client", "try: client"
    ).replace("for chunk in stream:\n", "except openai.AuthenticationError as error: print(error)")
    program = program.partition("    if chunk")[0]
    done = run(program, gateway)
    assert done.returncode == 0, done.stderr
    assert "Invalid token (request id: " in done.stdout
    assert openai.AuthenticationError.__name__ not in done.stderr
