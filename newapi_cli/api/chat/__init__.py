"""Chat completions: the request, and the answer from the bytes of the response.

client           sends a request, and retries
request          its JSON
response_reader  the events of one response
body_decoder     bytes -> events, streamed or whole
sse              the event-stream decoder
folding          objects of a response -> events of one answer
chunks, parts    what the JSON of an object, and of its delta or message, contains
split_text       reasoning in tags, and halves of characters
images, sources  images and sources in the forms of all providers
"""
