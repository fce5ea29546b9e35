"""Small trees in the layouts of the field's data sets, as their archives unpack, made by the tests."""
import numpy as np
from scipy.io import savemat

IMAGENET_NAMES = {"n01440764": "tench", "n02012849": "crane", "n02104365": "schipperke", "n03126707": "crane"}


def touch(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def write_lines(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def class_folders(folder, classes, count=10):
    for name in classes:
        touch(folder / name, [f"image_{number:04d}.jpg" for number in range(count)])


def caltech101(root):
    class_folders(root / "caltech-101" / "101_ObjectCategories",
                  ["BACKGROUND_Google", "Faces_easy", "Faces", "Leopards", "Motorbikes", "accordion", "airplanes"])


def dtd(root):
    class_folders(root / "dtd" / "images", ["polka-dotted", "banded", "zigzagged"])


def food101(root):
    class_folders(root / "food-101" / "images", ["waffles", "apple_pie"])


def eurosat(root):
    class_folders(root / "eurosat" / "2750",
                  ["AnnualCrop", "Forest", "HerbaceousVegetation", "Highway", "Industrial", "Pasture", "PermanentCrop",
                   "Residential", "River", "SeaLake"])


def oxford_pets(root):
    folder = root / "oxford_pets"
    breeds = ["Abyssinian", "american_pit_bull_terrier"]
    names = {part: [(f"{breed}_{number}", label) for label, breed in enumerate(breeds, start=1)
                    for number in numbers] for part, numbers in (("trainval", range(10)), ("test", range(10, 14)))}
    for part, entries in names.items():
        write_lines(folder / "annotations" / f"{part}.txt", [f"{name} {label} 1 1" for name, label in entries])
        touch(folder / "images", [f"{name}.jpg" for name, _ in entries])


def stanford_cars(root):
    folder = root / "stanford_cars"
    models = ["AM General Hummer SUV 2000", "Acura RL Sedan 2012"]
    (folder / "devkit").mkdir(parents=True)
    savemat(folder / "devkit" / "cars_meta.mat", {"class_names": np.array(models, dtype=object)})
    for part, path in (("train", folder / "devkit" / "cars_train_annos.mat"),
                       ("test", folder / "cars_test_annos_withlabels.mat")):
        files = [f"{number:05d}.jpg" for number in range(1, 11)]
        records = np.zeros(len(files), dtype=[("bbox_x1", "O"), ("class", "O"), ("fname", "O")])
        for record, file, label in zip(records, files, [1] * 5 + [2] * 5):
            record["bbox_x1"], record["class"], record["fname"] = 3, label, file
        savemat(path, {"annotations": records})
        touch(folder / f"cars_{part}", files)


def oxford_flowers(root):
    folder = root / "oxford_flowers"
    labels = [2] * 10 + [1] * 10
    touch(folder / "jpg", [f"image_{number:05d}.jpg" for number in range(1, 21)])
    savemat(folder / "imagelabels.mat", {"labels": np.array([labels])})
    (folder / "cat_to_name.json").write_text('{"1": "pink primrose", "2": "hard-leaved pocket orchid"}')


def fgvc_aircraft(root):
    folder = root / "fgvc_aircraft"
    write_lines(folder / "variants.txt", ["707-320", "A300B4", "Cessna 172"])
    for start, part in ((100, "train"), (200, "val"), (300, "test")):
        entries = [(start + number, name) for number, name in enumerate(["Cessna 172", "707-320", "A300B4"])]
        write_lines(folder / f"images_variant_{part}.txt", [f"{number:07d} {name}" for number, name in entries])
        touch(folder / "images", [f"{number:07d}.jpg" for number, _ in entries])


def sun397(root):
    folder = root / "sun397"
    scenes = ["/a/abbey", "/a/apse/indoor", "/a/airplane_cabin"]
    write_lines(folder / "ClassName.txt", scenes)
    for part, numbers in (("Training", range(10)), ("Testing", range(10, 14))):
        write_lines(folder / f"{part}_01.txt", [f"{scene}/sun_{number}.jpg" for scene in scenes for number in numbers])
        for scene in scenes:
            touch(folder / "SUN397" / scene.strip("/"), [f"sun_{number}.jpg" for number in numbers])


def ucf101(root):
    folder = root / "ucf101"
    actions = {"ApplyEyeMakeup": "Apply_Eye_Makeup", "YoYo": "Yo_Yo", "Archery": "Archery"}
    write_lines(folder / "ucfTrainTestlist" / "classInd.txt",
                [f"{number} {action}" for number, action in enumerate(actions, start=1)])
    for part, groups in (("trainlist01", range(8, 18)), ("testlist01", range(1, 5))):
        lines = []
        for number, (action, name) in enumerate(actions.items(), start=1):
            videos = [f"v_{action}_g{group:02d}_c01" for group in groups]
            label = f" {number}" if part == "trainlist01" else ""
            lines += [f"{action}/{video}.avi{label}" for video in videos]
            touch(folder / "UCF-101-midframes" / name, [f"{video}.jpg" for video in videos])
        write_lines(folder / "ucfTrainTestlist" / f"{part}.txt", lines)


def class_names_file(folder):
    write_lines(folder / "classnames.txt", [f"{wnid} {name}" for wnid, name in IMAGENET_NAMES.items()])


def imagenet(root):
    folder = root / "imagenet"
    class_names_file(folder)
    for part, count in (("train", 6), ("val", 3)):
        for wnid in reversed(IMAGENET_NAMES):
            touch(folder / "images" / part / wnid, [f"{wnid}_{part}_{number}.JPEG" for number in range(count)])


def imagenetv2(root):
    class_names_file(root / "imagenetv2")
    class_folders(root / "imagenetv2" / "imagenetv2-matched-frequency-format-val",
                  map(str, range(len(IMAGENET_NAMES))), count=2)


def imagenet_sketch(root):
    class_names_file(root / "imagenet-sketch")
    class_folders(root / "imagenet-sketch" / "images", IMAGENET_NAMES, count=2)


def imagenet_a(root):
    """Without a classnames.txt of its own: ImageNet's is used."""
    class_names_file(root / "imagenet")
    folder = root / "imagenet-adversarial" / "imagenet-a"
    class_folders(folder, list(IMAGENET_NAMES)[1:], count=2)
    (folder / "README.txt").touch()


def imagenet_r(root):
    class_names_file(root / "imagenet-rendition")
    folder = root / "imagenet-rendition" / "imagenet-r"
    class_folders(folder, list(IMAGENET_NAMES)[:3], count=2)
    (folder / "README.txt").touch()


MAKERS = {
    "Caltech101": caltech101, "DescribableTextures": dtd, "Food101": food101, "EuroSAT": eurosat,
    "OxfordPets": oxford_pets, "StanfordCars": stanford_cars, "OxfordFlowers": oxford_flowers,
    "FGVCAircraft": fgvc_aircraft, "SUN397": sun397, "UCF101": ucf101, "ImageNet": imagenet, "ImageNetV2": imagenetv2,
    "ImageNetSketch": imagenet_sketch, "ImageNetA": imagenet_a, "ImageNetR": imagenet_r,
}
