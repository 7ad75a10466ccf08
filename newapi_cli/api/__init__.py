"""Requests to a server and its responses, streamed or whole.

    main thread                                       worker thread, one per exchange
    chat.client            retries                    http.exchange    puts events into a queue
    chat.response_reader   turn events                http.connection  direct, by http.client
    chat.body_decoder      bytes -> chunks            http.proxies     through a proxy, by httpx
    http.reader            deadlines, signals    <-
    errors.explain         error responses            errors.failures  exceptions
         -> NewapiError                                    -> NewapiError

Only `http.proxies` imports httpx, and it is loaded for a request through a proxy only.
"""
