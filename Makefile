# Every target brings what it needs; nothing has to be set up first.
#   make demo [ARGS="--homes 5"]   a whole town on this machine, without hardware
#   make test [ARGS="-k outbox"]   prove it: checks, then every test
SHELL := /bin/bash
export PATH := $(PATH):$(CURDIR)/.cache/uv-env/bin
.DEFAULT_GOAL := help
.PHONY: help environment assets demo check test bench judge-report tables secrets clean

help: ## these lines / この説明
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

environment: ## the Python environment in .venv / Python環境を用意します
	@.ci/environment

assets: environment ## the browser's libraries, from their registry / 画面の部品を用意します
	@.venv/bin/python -m gateway.console.assets

demo: environment ## a whole town, no hardware (ARGS=…) / 機器なしで町ひとつを動かします
	@.venv/bin/python -m gateway.console.assets || true # without them pages show tables, and say so
	@.venv/bin/satomori demo $(ARGS)

check: assets ## format, lint, types, arrows, wheel / 書式・型・依存・配布物の検査
	@.ci/check

test: check ## everything that can be proven here (ARGS=…) / すべての試験
	@.ci/parts
	@.venv/bin/python -m pytest $(ARGS)

bench: assets ## figures beside their peers / 性能を測ります
	@.ci/parts
	@.ci/telegraf >/dev/null || true
	@for file in $$(grep -l __main__ tests/bench/*.py); do \
	  (cd tests && ../.venv/bin/python -m bench.$$(basename $$file .py) $(ARGS)) || exit 1; \
	done

judge-report: environment ## how well the judge judges (ARGS="--data DIR") / 判定の成績
	@cd tests && ../.venv/bin/python -m bench.judge_report $(ARGS)

tables: environment ## the READMEs' and dashboards' generated parts / 説明書の表と画面を作り直します
	@.venv/bin/python tests/readme_tables.py
	@.venv/bin/python -m firmware_bridge.devices_page > docs/devices.md
	@.venv/bin/python -m dashboards.build

secrets: ## random passwords for docker compose / docker compose用のパスワードを作ります
	@.ci/secrets

clean: ## remove what the other targets made / 作ったものを消します
	rm -rf .venv .cache dist node_modules gateway/console/static/vendor
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
