"""How a point is named in InfluxDB: what the gateway's line encoder writes, and what the dashboards ask for.

One measurement a quantity, so that a unit never mixes with another; one float field; the series' identity as tags.
`QUALITY` is a tag that stands only on points that are not plainly good (bits of `gateway.store`), so the usual point
carries nothing for it.
"""

VALUE = "value"
TENANT = "tenant"
DEVICE = "device"
CHANNEL = "channel"
QUALITY = "quality"
SERIES_TAGS = (DEVICE, CHANNEL)
