"""Every benchmark, one after the other: `cd tests && python -m bench`."""

from bench import agent, codecs, ingest, judge, lines

for measured in (lines, codecs, judge, agent, ingest):
    measured.main()
