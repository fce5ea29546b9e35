"""A script such as repositories of the family have to collect results from log files, in this project's own words."""
import re

from dassl.utils import check_isfile, listdir_nohidden

SIGNALS = ("Finish training", "Finished training")  # of Dassl 0.6.3 and 0.5.0; a line of its own
TEST_SIGNAL = "=> result"  # for logs of --eval-only


def last_numbers(path, signal, keyword="accuracy"):
    """What the lines behind the signal say, in per cent: the last number counts, and none without the signal."""
    pattern, heard, number = re.compile(r"\* " + keyword + r": ([\.\deE+-]+)%"), False, None
    with open(path, encoding="utf-8") as log:
        for line in map(str.strip, log):
            heard = heard or line == signal
            found = pattern.search(line)
            if heard and found:
                number = float(found.group(1))
    return number


def over_seeds(folder, signal, keyword="accuracy"):
    """The numbers of the runs seed1, seed2, ... in a folder."""
    paths = [f"{folder}/{name}/log.txt" for name in listdir_nohidden(str(folder), sort=True)]
    return [last_numbers(path, signal, keyword) for path in paths if check_isfile(path)]
