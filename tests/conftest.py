"""What holds for every test: a property is true or false however slow the machine is.

Examples are drawn anew in every run, except where CI is set: there they are the same each time, so that a
failure speaks of the change and not of the draw. Ctrl-C and the end of a terminal are heard, whatever
whoever runs the tests did with them.
"""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile("project", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("project")

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # as under nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
