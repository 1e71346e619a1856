"""How many camera-minutes can be at fault when a sample says so much: the exact bound for sampling without replacement. Pure.

Of ``N`` minutes ``k`` different ones were looked at and ``x`` of them were at fault. The number at fault then follows the
hypergeometric distribution, and the bound is the largest ``D`` under which so few faults were still likelier than one in
twenty. No approximation is used: (1 - f)**k and the rule of three (3 / k) belong to sampling *with* replacement, and are
looser.

Source: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), 3.6, confidence limits from the hypergeometric distribution;
J. P. Buonaccorsi, The American Statistician 41 (1987), 215-218, that such limits from inverting the one-sided test are
exact in finite populations.
"""

from math import exp, fsum, lgamma

from config.base.errors import InvalidInput

CONFIDENCE = 0.95


def faulty_at_most(population: int, samples: int, faults: int, confidence: float = CONFIDENCE) -> int:
    """With that confidence no more than so many of the population are at fault. Raises InvalidInput for bad figures."""
    if not 0 <= faults <= samples <= population or not 0 < confidence < 1:
        raise InvalidInput("faults, samples and population do not go together", code="bad_sample")
    least, most = faults, population - (samples - faults)
    while least < most:
        middle = (least + most + 1) // 2
        if at_most(population, middle, samples, faults) > 1 - confidence:
            least = middle
        else:
            most = middle - 1
    return least


def at_most(population: int, faulty: int, samples: int, faults: int) -> float:
    """The probability of ``faults`` or fewer among ``samples`` drawn without replacement where ``faulty`` are at fault."""
    lowest = max(0, samples - (population - faulty))
    highest = min(faults, samples, faulty)
    whole = _choose(population, samples)
    return min(
        1.0,
        fsum(
            exp(_choose(faulty, number) + _choose(population - faulty, samples - number) - whole)
            for number in range(lowest, highest + 1)
        ),
    )


def _choose(number: int, of: int) -> float:
    """The logarithm of the binomial coefficient."""
    return lgamma(number + 1) - lgamma(of + 1) - lgamma(number - of + 1)
