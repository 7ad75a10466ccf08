"""Markdown rendered while it streams, in the normal screen: append-only, linear, exact.

    deltas -> Sanitizer -> BlockStream -> Layout -> Painter        driven by `LiveRenderer`
              safe text    final and      rows of   one write
                           open leaves    leaves    per frame

Each final leaf of the answer is printed once; only the small open tail below is repainted. See
`leaves` for why that is exact, and `blocks` for what is final.
"""
