"""`newapi doctor`: checks everything between the user and an answer; `run` holds their order."""
