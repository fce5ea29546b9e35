"""What the caller of a sweep chose, and how the KEY VALUE pairs among it bear on the folders of the runs."""
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from compat.errors import UserError
from experiments.catalogue import LABELLERS, ROOT, Setting, mao_defaults, named_setting
from experiments.catalogue import setting as setting_of

Step = dict[str, object]
"""{config key: value} of one step of MAO."""

CONTROL: Step = {"MAO.BASE_RUN": "backbone"}  # step 2 behind the plain backbone

FEW_SHOTS = (1, 2, 4, 8, 16)
# A word without a dot may be a method (VPT), unless it is one of Dassl's keys.
CONFIG_KEY = re.compile(r"[A-Z][A-Z0-9_]*(\.[A-Z0-9_]+)+|OUTPUT_DIR|RESUME|SEED|USE_CUDA|VERBOSE|VERSION")

# Keys that an output folder is named after, and that no pair may change: the word of the command that does.
CHOSEN_ELSEWHERE = {
    "TRAINER.NAME": "choose the method",
    "DATASET.NAME": "choose the data set",
    "DATASET.SUBSAMPLE_CLASSES": "choose the protocol, which says on which classes it trains and tests,",
    "MAO.STAGE": "choose the protocol, which says which step it is,",
    "OUTPUT_DIR": "name the folder of all output with OUTPUT in the environment",
}


@dataclass
class Options:
    """The choices behind a list of jobs.

    A pair that an output folder is named after (SEED, DATASET.NUM_SHOTS) becomes the choice itself, so that the run
    lies where its folder's name says.

    Attributes:
        methods: registered names. seeds: of the runs.
        datasets: file names in ``configs/datasets/``: to train on or, where a source is trained on, to test on.
        source: file name of the data set whose prompts are tested on others.
        shots: training images per class. few_shots: those of the few-shot protocol.
        classes: those that a test of zero-shot CLIP by itself is on: all, base or new.
        setting: name of a setting that is taken in place of the catalogue's.
        pseudo_labels: labeller of step 2 of all methods with MAO, "base" or "clip"; "": each method's own.
        root: folder of the data sets. output: folder of everything that is written.
        pairs: KEY VALUE pairs of all runs.

    Raises:
        UserError: a pair contradicts the folder of every run.
    """

    methods: list[str]
    datasets: list[str]
    seeds: list[int]
    source: str = "imagenet"
    shots: int = 16
    few_shots: Sequence[int] = FEW_SHOTS
    classes: str = "all"
    setting: str = ""
    pseudo_labels: str = ""
    root: str = "./data"
    output: str = "output"
    pairs: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        pairs: list[str] = []
        chosen: dict[str, str] = {}
        for begin in range(0, len(self.pairs), 2):
            pair = self.pairs[begin:begin + 2]  # a last word without a value stays: train.py has a sentence for it
            if pair[0] in CHOSEN_ELSEWHERE:
                raise UserError(f"{' '.join(pair)} would put a run into the folder of another: "
                                f"{CHOSEN_ELSEWHERE[pair[0]]} instead")
            if pair[0] in ("SEED", "DATASET.NUM_SHOTS") and len(pair) == 2:
                chosen[pair[0]] = pair[1]
            else:
                pairs += pair
        self.pairs = pairs
        if "SEED" in chosen:
            self.seeds = [whole_number("SEED", chosen["SEED"], least=0)]
        if "DATASET.NUM_SHOTS" in chosen:
            self.shots = whole_number("DATASET.NUM_SHOTS", chosen["DATASET.NUM_SHOTS"])
            self.few_shots = (self.shots,)

    def setting_of(self, method: str, dataset: str, cross: bool = False) -> Setting:
        """What a method is run with on a data set. ``cross``: for prompts that are tested on other data sets."""
        return (named_setting(method, self.setting) if self.setting
                else setting_of(method, dataset, "xd" if cross else ""))

    @property
    def labeller(self) -> Step:
        """Settings of step 2 for the labeller that was asked for."""
        return LABELLERS[self.pseudo_labels] if self.pseudo_labels else {}


def without_defaults(step: Step, method: str) -> Step:
    """What is not in the setting of a method with MAO anyway: runs that coincide have one folder."""
    return {key: value for key, value in step.items() if value != mao_defaults(method)[key]}


def words(step: Step) -> list[str]:
    """KEY VALUE pairs."""
    return [str(word) for pair in step.items() for word in pair]


def tag(step: Step) -> str:
    """End of a folder's name: ``_topk_4_reg_base_False``."""
    return "".join(f"_{key.split('.')[-1].lower()}_{value}" for key, value in step.items())


def split_pairs(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words of a command line before the first config key, and the KEY VALUE pairs from there on."""
    begin = next((k for k, word in enumerate(words) if CONFIG_KEY.fullmatch(word)), len(words))
    return list(words[:begin]), list(words[begin:])


def whole_number(what: str, value: str, least: int | None = None) -> int:
    """The number that a word stands for.

    Raises:
        UserError: it stands for none, or for one that is too small.
    """
    try:
        number = int(value)
    except ValueError:
        raise UserError(f"{what} {value!r} is not a number: give a whole one") from None
    if least is not None and number < least:
        raise UserError(f"{what} {number} is too small: give at least {least}")
    return number


def check_known(what: str, names: Collection[str], known: Collection[str]) -> None:
    """Raise UserError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise UserError(f"{what} {name!r} is unknown: choose from {', '.join(known)}")


def dataset_configs() -> list[str]:
    """Names of the files in ``configs/datasets/``, the user's own among them."""
    return sorted(path.stem for path in (ROOT / "configs" / "datasets").glob("*.yaml"))
