"""UCF101: the middle frame of videos of 101 actions; folders as "Apply_Eye_Makeup" for the action "ApplyEyeMakeup"."""
import re

from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import split_off_validation
from .text_lists import entry, read_lines


@DATASET_REGISTRY.register()
class UCF101(FewShotDataset):
    dataset_dir = "ucf101"
    image_dir = "UCF-101-midframes"
    split_file = "split_zhou_UCF101.json"
    template = "a photo of a person doing {}."

    @classmethod
    def build_split(cls, folder):
        lists = folder / "ucfTrainTestlist"
        labels = {}
        for line in read_lines(lists / "classInd.txt"):
            number, action = entry(lists / "classInd.txt", line, lambda: (int(line.split()[0]), line.split()[1]))
            labels[action] = number - 1
        return split_off_validation(read_videos(lists / "trainlist01.txt", labels),
                                    read_videos(lists / "testlist01.txt", labels))


def read_videos(path, labels):
    """Items of a list with lines of a video, "ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi", and perhaps its label."""
    def item(line):
        action, video = line.split()[0].split("/")
        name = with_underscores(action)
        return f"{name}/{video.removesuffix('.avi')}.jpg", labels[action], name

    return [entry(path, line, lambda: item(line)) for line in read_lines(path)]


def with_underscores(action):
    """"Apply_Eye_Makeup" of "ApplyEyeMakeup"."""
    return "_".join(re.findall("[A-Z][^A-Z]*", action))
