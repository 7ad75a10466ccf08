"""The documented Python example, with the official client, against the demo gateway.

It runs in a process, so that warnings of the openai package do not fail the test.
"""

from __future__ import annotations

import os
import subprocess
import sys

from newapi_cli.demo.replies import GREETING
from newapi_cli.demo.server import DemoGateway

# New API's documentation of chat completions, "Python 流式": with URL, key and model
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
# in the same process, because the import of openai takes a second
OTHER_CALLS = """
import openai

messages = [{"role": "user", "content": "ok"}]
completion = client.chat.completions.create(model="demo-echo", messages=messages)
print(completion.choices[0].message.content, completion.usage.completion_tokens)
print(client.models.list().data[0].id)
try:
    client.with_options(api_key="sk-wrong").models.list()
except openai.AuthenticationError as error:
    print(error.body["message"].partition(" (request id: ")[0])
"""


def test_the_official_client_reads_a_stream_a_completion_the_models_and_an_error(
    gateway: DemoGateway,
) -> None:
    program = (EXAMPLE + OTHER_CALLS).replace("BASE_URL", gateway.base_url)
    environment = {
        name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")
    }
    environment["PYTHONIOENCODING"] = "utf-8"
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{GREETING}ok 1\ndemo\nInvalid token\n"
