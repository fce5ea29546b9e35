"""StanfordCars: car models in 196 classes, named as "2012 Audi A5 Coupe", with the year first."""
from dassl.data.datasets import DATASET_REGISTRY

from .base import FewShotDataset
from .own_split import split_off_validation
from .text_lists import entry, read_matlab


@DATASET_REGISTRY.register()
class StanfordCars(FewShotDataset):
    dataset_dir = "stanford_cars"
    image_dir = ""
    split_file = "split_zhou_StanfordCars.json"

    @classmethod
    def build_split(cls, folder):
        names = [year_first(str(name)) for name in read_matlab(folder / "devkit" / "cars_meta.mat", "class_names")]
        return split_off_validation(
            read_annotations(folder / "devkit" / "cars_train_annos.mat", "cars_train", names),
            read_annotations(folder / "cars_test_annos_withlabels.mat", "cars_test", names))


def year_first(name):
    """"2012 Audi A5 Coupe" of "Audi A5 Coupe 2012"."""
    model, _, year = name.rpartition(" ")
    return f"{year} {model}"


def read_annotations(path, image_folder, names):
    """Items of a MATLAB file with records of file name and class number from 1."""
    def item(record):
        label = int(record["class"]) - 1
        return f"{image_folder}/{record['fname']}", label, names[label]

    return [entry(path, str(record), lambda: item(record)) for record in read_matlab(path, "annotations").ravel()]
