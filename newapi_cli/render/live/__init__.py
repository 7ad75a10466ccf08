"""Markdown rendered while it streams, in the normal screen: append-only, linear, exact.

    deltas -> Sanitizer -> BlockStream -> Layout -> Painter        driven by `LiveRenderer`
              safe text    final and      rows of   one write
                           open leaves    leaves    per frame

Each final leaf of the answer is printed once; only the small open tail below is repainted.

    renderer          when a frame is painted, and what is in it: answer, reasoning, status
    answer_rows       the rows of the answer: the permanent ones, and those of the tail
    markdown          the parser, and its own block rules, such as that for tables
    formulas          its rules for TeX formulas
    inline_rules      its rules for tags, bare URLs, footnotes, paths and names
    cjk               its rules for emphasis next to Chinese, Japanese and Korean text
    blocks            which leaves of the source are final
    link_definitions  links, the one construct that can change what precedes it
    leaves            a document as a sequence of leaves, and why their rows are independent
    layout            the rows of a leaf, wrapped and styled for a width
    inline_text       the styled text of a paragraph, a heading or a table cell
    tables            tables as columns or records
    wrapping          where texts are wrapped
    highlight         the colors of code that is still incomplete
    theme             the styles, and the console that they are for
    painter           the control sequences that turn the last frame into the next one
"""
