"""From real data to a version bundle: an optional extra (`pip install 'mlops-engine[train]'`).

Read in the order of the work: `source` (where the data lies), `dataset` (tables), `features`
(what is known an hour before departure), `training` (fit and evaluation), `export` (ONNX that
agrees with LightGBM), `card` and `bundle` (what is published). `pipeline` runs them in that order.

Nothing here is imported by serving code, and only `source`, `options`, `progress`, `card` and
`bundle` import without the extra: finding that nothing has to be done is quick.
"""
