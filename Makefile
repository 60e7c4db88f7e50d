PYTHON ?= python3
# `make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu` leaves CUDA out on Linux.
TORCH_INDEX ?=
# `make lab WHEELHOUSE=build/wheelhouse` asks no network: see `make wheelhouse`.
WHEELHOUSE ?=
STUDENTS ?= 12
NB ?= notebooks/*.ipynb docs/*.ipynb

VENV := .venv
CONSTRAINTS := constraints.txt
READY := $(VENV)/ready
INDEX = $(if $(WHEELHOUSE),--no-index --find-links=$(WHEELHOUSE),$(addprefix --extra-index-url=,$(TORCH_INDEX)))

# What these name outside must not reach the project's own environment.
unexport PYTHONPATH PYTHONHOME PYTHONSTARTUP MATPLOTLIBRC MPLBACKEND JUPYTER_PATH
export JUPYTER_PREFER_ENV_PATH = 1
# Nor must a reader's own IPython and matplotlib, nor pip's `user = true`.
export IPYTHONDIR := $(CURDIR)/$(VENV)/profile
export MPLCONFIGDIR := $(IPYTHONDIR)
export PIP_USER := 0

.PHONY: help home lab test test-oldest test-newest lint notebooks data results bench
.PHONY: handout mark site wheelhouse class clean

help:
	@echo "make lab        open JupyterLab on the notebooks"
	@echo "make test       run the unit tests and every notebook"
	@echo "make test-oldest  the same with the oldest versions that are admitted"
	@echo "make test-newest  the same with the newest versions that there are"
	@echo "make lint       check the code with ruff"
	@echo "make notebooks  run every notebook and save it; one: NB=notebooks/NAME.ipynb"
	@echo "make data       build the data sets anew"
	@echo "make results    measure what notebooks 10, 14 and 15 read, an hour or two"
	@echo "make bench      hold costs to their budget, table in README, about 6 minutes"
	@echo "make handout    copies for students, and for lecturers, in build/"
	@echo "make mark SUBMISSIONS=folder  run what students handed in, and write marks.csv"
	@echo "make site       the series as pages that read offline, in build/site"
	@echo "make wheelhouse  gather all that an installation without network needs"
	@echo "make class      a hub and STUDENTS=12 who run notebooks at the same time"
	@echo "make clean      remove .venv, build and caches"

# Jupyter writes to the home folder, and ends in a traceback where it cannot.
home:
	@mkdir -p "$$HOME" 2>/dev/null && test -w "$$HOME" || { echo \
	  "Jupyter cannot write to your home, $$HOME: name another, as in make lab HOME=/some/folder"; exit 1; }

# On a machine without a screen, print the address only.
lab: home $(READY)
	$(VENV)/bin/jupyter lab --allow-root --LabApp.default_url=/lab/tree/notebooks \
	  $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),,--no-browser)

# Each core takes a notebook or a file of tests at a time, and one thread for it.
test: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/pytest --nbval --numprocesses=auto --maxprocesses=4 \
	  --dist=loadscope --no-loadscope-reorder

# The oldest versions that pyproject.toml admits, and the newest of today. On Linux,
# another torch than the tested brings gigabytes of CUDA, unless TORCH_INDEX has others.
TORCH := $(if $(TORCH_INDEX),,$(shell grep '^torch==' constraints.txt))

test-oldest:
	sed -n 's/^ *"\(.*\)>=\([0-9.]*\).*/\1==\2/p' pyproject.toml $(if $(TORCH),| grep -v '^torch==') >.venv-oldest.txt
	echo '$(TORCH)' >>.venv-oldest.txt
	$(MAKE) test VENV=.venv-oldest CONSTRAINTS=.venv-oldest.txt

test-newest:
	echo '$(TORCH)' >.venv-newest.txt
	$(MAKE) test VENV=.venv-newest CONSTRAINTS=.venv-newest.txt

lint: $(READY)
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check

# README shows the first figure of notebook 06.
define README_PICTURE
import base64, nbformat
cells = nbformat.read("notebooks/06_judge_fairly.ipynb", 4).cells
data = [o.data for c in cells for o in c.get("outputs", []) if "data" in o]
png = next(d["image/png"] for d in data if "image/png" in d)
open("notebooks/energy.png", "wb").write(base64.b64decode(png))
endef
export README_PICTURE

# Saves outputs, tags, the kernel's name, and nothing that differs from run to run.
notebooks: home $(READY)
	$(VENV)/bin/jupyter nbconvert --config=tests/nbconvert_config.py \
	  --to notebook --inplace --execute $(NB)
	@$(VENV)/bin/python -c "$$README_PICTURE"

data: $(READY)
	$(VENV)/bin/python data/make_spring.py

# Goes on where it stopped; delete data/results.json to measure all anew. With
# SCHEDULER=tcp://host:8786 the workers of that Dask scheduler do it: data/README.md.
results: $(READY)
	OMP_NUM_THREADS=1 $(VENV)/bin/python data/make_results.py $(SCHEDULER)

bench: $(READY)
	$(VENV)/bin/pip install -q -c $(CONSTRAINTS) -e '.[bench]'
	OMP_NUM_THREADS=1 BENCH_TABLE=README.md $(VENV)/bin/pytest tests/benchmarks

# A student's copy has no solutions and no outputs, a lecturer's has nothing folded.
handout: $(READY)
	rm -rf build/student build/instructor
	for copy in student instructor; do $(VENV)/bin/jupyter nbconvert --to notebook \
	  --config=classroom/$$copy.py --output-dir=build/$$copy notebooks/*.ipynb || exit 1; done

# Each notebook runs by itself: a class takes (its time × students ÷ cores).
mark: $(READY)
	@test -d "$(SUBMISSIONS)" || { echo \
	  "Name the folder that holds what was handed in: make mark SUBMISSIONS=folder"; exit 1; }
	OMP_NUM_THREADS=1 $(VENV)/bin/python classroom/mark.py "$(SUBMISSIONS)" $(SECONDS)

# From the saved outputs: nothing is run. MathJax travels with the pages.
site: $(VENV)/site
	$(VENV)/bin/python docs/build.py build/site

$(VENV)/site: $(READY)
	$(VENV)/bin/pip install -q -c $(CONSTRAINTS) -e '.[site]'
	touch $@

# All packages for this system and Python, and what builds hnnlib.
wheelhouse: $(READY)
	$(VENV)/bin/pip download -q -d build/wheelhouse -c $(CONSTRAINTS) $(INDEX) '.[test]' 'setuptools>=77' wheel
	@echo "Copy this folder, .venv left out; there: make lab WHEELHOUSE=build/wheelhouse"

# The table of the teacher's guide: hub and proxy, and students who work together.
class: $(VENV)/proxy
	CLASS_TABLE=docs/TEACHING.md STUDENTS=$(STUDENTS) NUMBERS="00 05" $(VENV)/bin/pytest -s tests/classroom/test_hub.py

$(VENV)/proxy: $(READY) classroom/requirements.txt
	$(VENV)/bin/pip install -q -c $(CONSTRAINTS) $(INDEX) -r classroom/requirements.txt
	npm install --silent --prefix $@ configurable-http-proxy@5.3.0
	touch $@

# Built anew when a requirement changes; the last line marks it as complete.
$(READY): $(CONSTRAINTS) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo \
	  "Python 3.11 or newer is needed: install it and name it, as in make lab PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' || { echo \
	  "$(PYTHON) cannot make environments: on Debian and Ubuntu, run: sudo apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/pip install -c $(CONSTRAINTS) $(INDEX) -e '.[test]'
	$(VENV)/bin/jupyter labextension disable @jupyterlab/apputils-extension:announcements
	$(VENV)/bin/python -c 'import matplotlib.font_manager' # its first import says so
	touch $@

clean:
	rm -rf .venv .venv-* build *.egg-info .pytest_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
