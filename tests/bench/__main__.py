"""Every benchmark, one after the other: `cd tests && python -m bench`."""

from bench import agent, ingest, judge, lines

for measured in (lines, judge, agent, ingest):
    measured.main()
