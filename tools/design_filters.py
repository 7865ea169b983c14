"""Designs the resampler's low-pass filters and prints `src/rtaudio/_native/filter_series.py`.

    pip install scipy && python tools/design_filters.py > src/rtaudio/_native/filter_series.py

A filter is an even function of time h(t) with |t| <= T, T its half width in samples of the lower
sample rate, written as a cosine series:

    h(t) = b_0 / (2 T) + sum over k = 1..K of (b_k / T) cos(pi k t / T)

Its frequency response is the same numbers times shifted sincs, f relative to the Nyquist frequency:

    H(f) = b_0 sinc(T f) + sum over k = 1..K of b_k (sinc(T f - k) + sinc(T f + k))

so for given T the least stop band under a bound on the ripple of the pass band is a linear program
in b. That is what Parks and McClellan (1972) solve for filters in discrete time; in continuous time
one series serves every ratio of sample rates. Against the windows of Kaiser, which spend as much on
the pass band as on the stop band, it saves a third of the taps and of the delay.

T is a multiple of one half: then H vanishes at all multiples of the lower sample rate, and a
constant leaves no images. And h(T) is held at 0: a step there would be smeared where rows of a
table are interpolated, and holding it costs less than 1 dB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linprog

if TYPE_CHECKING:
    from numpy.typing import NDArray

# quality: (half width T, end of the pass band, its ripple in dB, stop band in dB). Each T is the
# least at which the stop band of all ratios, folded onto itself, keeps what the quality promises.
QUALITIES = {
    "fast": (14.0, 0.75, 0.01, 60.0),
    "balanced": (36.0, 0.85, 0.0015, 105.0),
    "high": (86.5, 0.925, 0.0005, 126.0),
}

# Terms beyond T lie in the stop band and shape the ends of h; more than this gain below 0.3 dB.
EXTRA_TERMS = 6
# The stop band is bounded up to here, past which the response falls by 6 dB per octave by itself.
LAST_FREQUENCY = 3.0
POINTS_PER_LOBE = 16


def response(
    frequencies: NDArray[np.float64], half_width: float, terms: int
) -> NDArray[np.float64]:
    """Return the matrix that turns b_0 .. b_terms into H at `frequencies`."""
    lobes = half_width * frequencies[:, np.newaxis]
    k = np.arange(terms + 1)
    matrix = np.sinc(lobes - k) + np.sinc(lobes + k)
    matrix[:, 0] /= 2
    return matrix


def design(
    half_width: float, pass_band: float, ripple_db: float, about_db: float
) -> NDArray[np.float64]:
    """Return the b of the deepest stop band, which should come out `about_db` down."""
    terms = int(np.ceil(half_width)) + EXTRA_TERMS
    ripple = 10 ** (ripple_db / 20) - 1

    def grid(start: float, stop: float) -> NDArray[np.float64]:
        return np.linspace(start, stop, int(POINTS_PER_LOBE * half_width * (stop - start)) + 1)

    passing = response(grid(0.0, pass_band), half_width, terms)
    # The solver's tolerances are absolute, so the bound to be found is brought near 1.
    stopped = 10 ** (about_db / 20) * response(grid(1.0, LAST_FREQUENCY), half_width, terms)
    ends = (-1.0) ** np.arange(terms + 1)  # T h(T) in terms of b
    ends[0] /= 2
    zeros, ones = np.zeros((len(passing), 1)), np.ones((len(stopped), 1))
    result = linprog(
        np.append(np.zeros(terms + 1), 1.0),  # the unknowns: b, and the bound, to be least
        A_ub=np.block([[passing, zeros], [-passing, zeros], [stopped, -ones], [-stopped, -ones]]),
        b_ub=np.concatenate(
            [
                np.full(len(passing), 1 + ripple),
                np.full(len(passing), ripple - 1),
                np.zeros(2 * len(stopped)),
            ]
        ),
        A_eq=np.append(ends, 0.0)[np.newaxis, :],
        b_eq=[0.0],
        bounds=[(None, None)] * (terms + 1) + [(0, None)],
        method="highs-ipm",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if not result.success:
        raise RuntimeError(f"no filter for T={half_width}, {pass_band=}: {result.message}")
    return np.asarray(result.x[:-1])


def main() -> None:
    print('"""Cosine series of the resampler\'s filters, written by `tools/design_filters.py`."""')
    print("\nfrom __future__ import annotations\n\nfrom typing import Final\n")
    print('__all__ = ["FILTER_SERIES"]\n')
    print("# quality: (half width in samples of the lower sample rate, coefficients b_0, b_1, ...)")
    print("FILTER_SERIES: Final[dict[str, tuple[float, tuple[float, ...]]]] = {")
    for quality, recipe in QUALITIES.items():
        print(f'    "{quality}": (\n        {recipe[0]},\n        (')
        for coefficient in design(*recipe):
            print(f"            {coefficient:.15g},")
        print("        ),\n    ),")
    print("}")


if __name__ == "__main__":
    main()
