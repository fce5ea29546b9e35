"""Coloured squares, one folder per class: <root>/shapes/{train,test}/<class>/*.png."""
import math
import os

from dassl.data.datasets import DATASET_REGISTRY, DatasetBase, Datum


@DATASET_REGISTRY.register()
class Shapes(DatasetBase):
    def __init__(self, cfg):
        folder = os.path.join(os.path.abspath(os.path.expanduser(cfg.DATASET.ROOT)), "shapes")
        train, val, test = (self.read(os.path.join(folder, part)) for part in ("train", "val", "test"))
        if cfg.DATASET.NUM_SHOTS >= 1:
            train = self.generate_fewshot_dataset(train, num_shots=cfg.DATASET.NUM_SHOTS)
        parts = self.halve(cfg.DATASET.SUBSAMPLE_CLASSES, train, val, test)
        super().__init__(train_x=parts[0], val=parts[1], test=parts[2])

    @staticmethod
    def read(folder):
        return [Datum(impath=os.path.join(folder, name, file), label=label, classname=name.replace("_", " "))
                for label, name in enumerate(sorted(os.listdir(folder)))
                for file in sorted(os.listdir(os.path.join(folder, name)))]

    @staticmethod
    def halve(subsample, *parts):
        if subsample == "all":
            return parts
        labels = sorted({item.label for item in parts[0]})
        middle = math.ceil(len(labels) / 2)
        kept = labels[:middle] if subsample == "base" else labels[middle:]
        return [[Datum(impath=item.impath, label=kept.index(item.label), classname=item.classname)
                 for item in part if item.label in kept] for part in parts]
