# The project's commands. Set-up is in setup/debian.sh, the tiers of tests in tests/tiers.py.
#
#   make demo       install into .venv and copy 64 MiB inside an emulated array: no hardware, no root
#   make test       everything: static checks, unit tests, this machine's loop devices, a kernel target in a VM
#   make check      static checks only
#   make test-lio   the kernel target's tests on this machine's own kernel (root; makes and removes its own LUNs)
#   make test-kills kill -9 at 200 random moments of a copy, each of them resumed (ten minutes)
#   make systems    docs/systems.md from what the last `make test` saw: which means copies where
#   make bench      speed, as ratios in one run: encoding commands beside struct.pack and python-scsi, copies by
#                   the emulated array beside a plain copy in memory, what a command costs the initiator,
#                   copies between files beside cp and dd (root; writes docs/speed-of-files.md), and copies on a
#                   kernel target in a VM beside sg_xcopy, ddpt, dd and cp (writes docs/speed.*)
#   make fuzz       ten million damaged inputs for every decoder (half an hour of one core)
#   make clean      remove what the above left behind

PYTHON := .venv/bin/python
STAGES := .venv/stage

.PHONY: demo test check test-lio test-kills systems bench fuzz clean

demo: $(STAGES)-run
	setup/demo.sh

test: $(STAGES)-dev
	-setup/debian.sh machine
	-setup/debian.sh vm
	$(PYTHON) tests/tiers.py static pure+vm machine

check: $(STAGES)-dev
	$(PYTHON) tests/tiers.py static

test-lio: $(STAGES)-dev
	$(PYTHON) tests/tiers.py lio

test-kills: $(STAGES)-dev
	XCOPY_KILLS=200 $(PYTHON) -m pytest -q tests/cli/test_kill.py

systems:
	$(PYTHON) scripts/systems_table.py

bench: $(STAGES)-bench
	$(PYTHON) -m bench.encoding
	$(PYTHON) -m bench.array
	$(PYTHON) -m bench.initiator
	setup/debian.sh machine
	$(PYTHON) -m bench.files
	setup/debian.sh vm
	$(PYTHON) -m bench.copies

fuzz: $(STAGES)-fuzz
	$(PYTHON) -m fuzz.campaign record -max_total_time=90
	$(PYTHON) -m fuzz.mutations record 7000000
	$(PYTHON) -m fuzz.campaign sense -max_total_time=40
	$(PYTHON) -m fuzz.mutations sense 1000000
	$(PYTHON) -m fuzz.campaign text -max_total_time=40
	$(PYTHON) -m fuzz.mutations text 1700000
	$(PYTHON) -m fuzz.campaign shown -max_total_time=40
	$(PYTHON) -m fuzz.mutations shown 300000
	$(PYTHON) -m fuzz.campaign recognised -max_total_time=40
	$(PYTHON) -m fuzz.mutations recognised 40000
	$(PYTHON) -m fuzz.mutations transferred 100000

$(STAGES)-%: pyproject.toml setup/debian.sh
	setup/debian.sh $*
	touch $@

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
