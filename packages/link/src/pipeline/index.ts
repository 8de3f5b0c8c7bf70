// Commands, jobs and copies of files over an operator's session. Both ends.
