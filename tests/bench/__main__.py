"""Every benchmark, one after the other: `cd tests && python -m bench`."""

from bench import agent, codecs, ingest, judge, lines, nab, world

for measured in (lines, codecs, judge, world, nab, agent, ingest):
    measured.main()
