"""Prints MLstatkit's DeLong test of the rows in a file: z and p."""

import json
import sys

import numpy as np
from MLstatkit import Delong_test

rows = np.load(sys.argv[1])
found = []
for case in range(len(rows["y"])):
    z, p = Delong_test(rows["y"][case], rows["a"][case], rows["b"][case])[:2]
    found.append([float(z), float(p)])
print(json.dumps(found))
