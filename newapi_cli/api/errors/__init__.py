"""The errors of servers and connections, and what newapi reports for them.

error_object     the error object of a server, and the detection of web pages
body             finds it in the body of a response
wrappers         reads it in all forms that servers wrap it in
charset          the body of an error as UTF-8
waits            how long a server asks to wait before a retry
outside          bodies of a success that hold no answer
first_words      the beginning of a body in which no message was found
context_length   whether a prompt was too long
rules, table     the error table: one rule for each case
explain          error object and status -> NewapiError, by the table
failures         exception of a connection -> NewapiError
"""
