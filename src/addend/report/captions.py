"""What each figure asks, and what a good one looks like. What the one at hand says stands beside the code that draws it."""

CAPTIONS = {
    "triangle": (
        "Every parameter against every other",
        "the regions of the kinds of data overlap, and the dark one of all together lies in the overlap and is smaller; "
        "a red dashed line, where there is one, is the truth and crosses the dark regions.",
    ),
    "profiles": (
        "How fast the fit worsens away from the best value",
        "a smooth bowl with one bottom that crosses both dashed lines on both sides; then the interval is the data's own.",
    ),
    "predictive": (
        "Measured and predicted",
        "the points scatter about their line, and two in three of the residuals lie within the grey band of one error.",
    ),
    "forest": (
        "Each kind of data alone, all but one, and all together",
        "every bar overlaps the grey band, and without one kind of data the answer moves by less than the error that is left.",
    ),
    "trust": (
        "Up to how many observations can it be believed?",
        "everywhere more than ten times the observations in use; beyond N* what it learned wrongly outweighs the noise. "
        "Triangles are lower bounds, where the bias is too small to be seen.",
    ),
    "ranks": (
        "Does the truth fall anywhere with equal chance?",
        "flat bars inside the grey band; a hump means intervals too wide, a bowl too narrow, a slope biased.",
    ),
    "coverage": (
        "Do 68 % regions hold the truth 68 times in 100?",
        "the line on the diagonal, inside the grey band; above it the regions are too wide, below it too narrow.",
    ),
    "score": (
        "Does it pull the answer to one side?",
        "the strokes gather in the grey band, as many on either side; a column aside of zero is a bias that grows with N. "
        "From which N it matters, the trust size says.",
    ),
    "information": (
        "Are its errors the right size?",
        "all strokes in the grey band of a tenth about one; above it quoted errors are too small, below it too large.",
    ),
    "normalisation": (
        "Do its probabilities add up to one?",
        "zero within the error bars; a slope over theta would shift the answer.",
    ),
    "audit": (
        "Do the intervals hold up in simulated repetitions?",
        "each point in the grey band about its stated level; left of it the interval is too narrow, right of it too wide.",
    ),
    "critical": (
        "How far may the fit worsen before a value is excluded?",
        "the solid lines, of calibrated intervals, near the dashed ones of profiles; above them the honest intervals are wider.",
    ),
    "pulls": (
        "Is a known truth found again?",
        "each point in the grey band about zero, each bar from one dashed line to the other; longer means errors too small.",
    ),
    "tension": (
        "Do the kinds of data disagree more than chance allows?",
        "the red line within the bulk of the histogram, which shows data that agree by construction.",
    ),
}
