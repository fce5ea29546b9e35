# What the scripts that start runs share; sourced by them. Each setting can be given in the environment:
#   DATA     folder of the data sets (./data)         OUTPUT   folder of everything that is written (output)
#   SHOTS    training images a class (16)             CFG      yaml in configs/trainers/<Trainer>/, without .yaml
#   SOURCE   data set whose prompts are tested elsewhere (imagenet)
#   TARGETS  its variants, for domain generalisation (imagenetv2 imagenet_sketch imagenet_a imagenet_r)
#   PYTHON   interpreter (.venv's, else python3)
# Relative paths are relative to the repository. Words after a script's own arguments are KEY VALUE pairs of the config.
# A run that was stopped goes on where it was, a finished one is skipped: train.py sees to that.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
DATA=${DATA:-./data}
OUTPUT=${OUTPUT:-output}
SHOTS=${SHOTS:-16}
SOURCE=${SOURCE:-imagenet}
TARGETS=${TARGETS:-imagenetv2 imagenet_sketch imagenet_a imagenet_r}
if [ -z "${PYTHON:-}" ]; then
    PYTHON=python3
    [ ! -x .venv/bin/python ] || PYTHON=.venv/bin/python
fi

usage() { # NUMBER_OF_ARGUMENTS_NEEDED SYNOPSIS ARGUMENTS...
    if [ $(($# - 2)) -lt "$1" ]; then
        echo "usage: bash $0 $2 [KEY VALUE ...]" >&2
        exit 2
    fi
}

config_name() { # TRAINER DATASET [xd]: prints CFG, or the setting for this trainer, data set and protocol
    local by_trainer
    case "$1" in
        ZeroshotCLIP*) by_trainer=vit_b16 ;;
        MaPLe) by_trainer=vit_b16_c2_ep20 ;;
        MaPLe_MAO) by_trainer=vit_b16_c2_ep10 ;;
        *_MAO) by_trainer=vit_b16_c4_ep10 ;;
        *) by_trainer=vit_b16_c4_ep20 ;;
    esac
    case "$1${3:-}" in
        MaPLexd | MaPLe_MAOxd | PromptSRCxd | PromptSRC_MAOxd) by_trainer=${by_trainer}_xd ;;
    esac
    case "$2" in
        pictograms* | emoji_*) by_trainer=mini ;; # their 64x64 images go with the bundled small CLIP
    esac
    echo "${CFG:-$by_trainer}"
}

run_folder() { # KIND TRAINER DATASET SEED: prints the output folder of a base-to-new run
    echo "$OUTPUT/base2new/$1/$3/shots_$SHOTS/$2/$(config_name "$2" "$3")/seed$4"
}

all_folder() { # TRAINER DATASET SEED [xd]: prints the output folder of a run that is trained on all classes
    echo "$OUTPUT/$2/$1/$(config_name "$1" "$2" "${4:-}")_${SHOTS}shots/seed$3"
}

step_1_yaml() { # TRAINER SETTING: prints the yaml of a run with labels; that of step 1 where the trainer has two steps
    case "$1" in
        *_MAO) echo "$2_base" ;;
        *) echo "$2" ;;
    esac
}

xd_train() { # TRAINER SEED [KEY VALUE ...]: train on all classes of SOURCE, for tests on other data sets
    train "$1" "$SOURCE" "$2" "$(step_1_yaml "$1" "$(config_name "$1" "$SOURCE" xd)")" \
        "$(all_folder "$1" "$SOURCE" "$2" xd)" DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES all "${@:3}"
}

xd_test() { # TRAINER DATASET SEED [KEY VALUE ...]: test prompts of xd_train, as they are, on another data set
    local cfg
    cfg=$(config_name "$1" "$SOURCE" xd)
    train "$1" "$2" "$3" "$(step_1_yaml "$1" "$cfg")" "$OUTPUT/evaluation/$1/${cfg}_${SHOTS}shots/$2/seed$3" \
        --model-dir "$(all_folder "$1" "$SOURCE" "$3" xd)" --eval-only \
        DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES all "${@:4}"
}

dg_test() { # TRAINER SEED [KEY VALUE ...]: test prompts of xd_train on the variants of SOURCE
    local dataset
    for dataset in $TARGETS; do
        xd_test "$1" "$dataset" "${@:2}"
    done
}

few_shot() { # TRAINER DATASET SEED [KEY VALUE ...]: train and test on all classes with 1, 2, 4, 8 and 16 images a class
    for SHOTS in 1 2 4 8 16; do
        train "$1" "$2" "$3" "$(step_1_yaml "$1" "$(config_name "$1" "$2")")" "$(all_folder "$1" "$2" "$3")" \
            DATASET.NUM_SHOTS "$SHOTS" DATASET.SUBSAMPLE_CLASSES all "${@:4}"
    done
}

train() { # TRAINER DATASET SEED YAML OUTPUT_DIR, then flags and KEY VALUE pairs of train.py
    "$PYTHON" train.py --root "$DATA" --seed "$3" --trainer "$1" --dataset-config-file "configs/datasets/$2.yaml" \
        --config-file "configs/trainers/$1/$4.yaml" --output-dir "$5" "${@:6}"
}
