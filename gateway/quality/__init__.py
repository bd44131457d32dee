"""Is this reading believable? Pure functions on `[series × time]` blocks; nothing here knows a store, a rule or a page.

`qartod`      the real-time tests every reading can be put to, answered in the five QARTOD words
`ismn`        the flags of the International Soil Moisture Network for hourly soil moisture (`plateaus`, `saturation`)
`faults`      the streaming judge of single wild values, noise, offset and stuck sensors; `signatures` names the cause
`decline`     batteries and radio links that will not last
`words`       what all of these are called, in both languages
`windows`     the moving sums and extremes the others are made of
"""
