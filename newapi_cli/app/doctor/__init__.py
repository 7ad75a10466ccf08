"""`newapi doctor`: checks everything between the user and an answer.

run       the order of the checks, and how they are run
local     checks of this machine
network   checks of the connection and the server
key       checks of the key, its models and prices, and of an answer
context   what the checks share, and the results that they return
"""
