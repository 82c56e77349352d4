"""Report: an answer, or the record of an encoder, to one self-contained HTML page with figures. Decides nothing.

`fusion_page` and `encoder_page` make the two pages. Nothing is imported here: the page of an encoder needs no drawing of
posteriors, and that is slow to import.
"""
