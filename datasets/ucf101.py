"""UCF101: the middle frame of videos of 101 actions; folders as "Apply_Eye_Makeup" for the action "ApplyEyeMakeup"."""
import re
from pathlib import Path

from dassl.data.datasets import DATASET_REGISTRY

from .base import SplittableDataset
from .splits.own_split import split_off_validation
from .splits.split_file import Item, Parts
from .splits.text_lists import parse_all, read_lines


@DATASET_REGISTRY.register()
class UCF101(SplittableDataset):
    dataset_dir = "ucf101"
    image_dir = "UCF-101-midframes"
    split_file = "split_zhou_UCF101.json"
    template = "a photo of a person doing {}."

    @classmethod
    def build_split(cls, folder: Path) -> Parts:
        lists = folder / "ucfTrainTestlist"
        labels = read_labels(lists / "classInd.txt")
        return split_off_validation(read_videos(lists / "trainlist01.txt", labels),
                                    read_videos(lists / "testlist01.txt", labels))


def read_labels(path: Path) -> dict[str, int]:
    """{action: label from 0} of a list with lines of number from 1 and action."""
    def label(line: str) -> tuple[str, int]:
        number, action = line.split()[:2]
        return action, int(number) - 1

    return dict(parse_all(path, read_lines(path), label))


def read_videos(path: Path, labels: dict[str, int]) -> list[Item]:
    """Items of a list with lines of a video, "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", and perhaps its label."""
    def item(line: str) -> Item:
        action, video = line.split()[0].split("/")
        name = with_underscores(action)
        return f"{name}/{video.removesuffix('.avi')}.jpg", labels[action], name

    return parse_all(path, read_lines(path), item)


def with_underscores(action: str) -> str:
    """"Apply_Eye_Makeup" of "ApplyEyeMakeup"."""
    return "_".join(re.findall("[A-Z][^A-Z]*", action))
