"""The only room with a telephone: requests out, server-sent events in.

    main thread                                     worker thread (one an exchange)
    client   clocks, retries, signals   <- queue -  exchange   resolves, connects, sends, reads
      │                                               │
    reading  happenings -> turn events              head_start  sends before httpx is loaded
    answer, sse, deltas, codec   bytes -> chunks    transport   httpx: proxies, TLS, exceptions
    refusals, retries   what a status means         failures    exceptions -> our errors

Only `transport` and `failures` import httpx; they are loaded when the request has left.
"""
