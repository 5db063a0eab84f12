#!/usr/bin/env python3
"""A power controller for `policy: exec`: a JSON line comes in, a JSON line goes out.

Shares each domain's room among the racks at their limit; the others keep a fifth above their draw.
"""
import json
import sys

HEADROOM = 1.2
AT_LIMIT = 0.9


def limits(groups, room_w):
    wants = {}
    for g in groups:
        drawn = g.get("drawn_w", g["most_w"])
        hungry = drawn >= AT_LIMIT * g["limit_w"]
        wants[g["name"]] = g["most_w"] if hungry else min(g["most_w"], HEADROOM * drawn)
    wanted_w = sum(wants[g["name"]] * g["gpus"] for g in groups)
    share = 1.0 if room_w is None or wanted_w <= room_w else room_w / wanted_w
    return {g["name"]: max(g["least_w"], share * wants[g["name"]]) for g in groups}


for line in sys.stdin:
    seen = json.loads(line)
    answer = {"limits": limits(seen["groups"], seen["rooms_w"][0])}
    print(json.dumps(answer), flush=True)
