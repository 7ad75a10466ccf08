"""Markdown laid out while it streams, in the normal screen: append-only, linear, exact.

    deltas -> Sanitizer -> BlockStream -> Layout -> Painter        one `LiveRenderer` drives them
              safe text    final and      rows of   one write
                           open leaves    leaves    a frame

Each finished leaf of the answer is printed once, for good; only a small open tail below it is ever
painted again. `Leaf`s make that exact: see `leaves`. What is final: see `blocks`.
"""
