"""A snowy town that is not there: weather, soil, snow and residents, and devices that speak their real bytes.

    world (functions of time) → devices (readings → bytes) → past: capture files · live: pseudo-terminals and MQTT

Everything in the world is a function of its seed and of time alone, so what is written as the past and what is said
live join without a seam. The agents that read it cannot tell it from a town.
"""
