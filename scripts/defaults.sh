# What the scripts that start runs share; sourced by them. Each setting can be given in the environment:
#   DATA     folder of the data sets (./data)         OUTPUT   folder of everything that is written (output)
#   SHOTS    training images a class (16)             CFG      yaml in configs/trainers/<Trainer>/, without .yaml
#   PYTHON   interpreter (.venv's, else python3)
# Relative paths are relative to the repository. Words after a script's own arguments are KEY VALUE pairs of the config.
# A run that was stopped goes on where it was, a finished one is skipped: train.py sees to that.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
DATA=${DATA:-./data}
OUTPUT=${OUTPUT:-output}
SHOTS=${SHOTS:-16}
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

config_name() { # TRAINER DATASET: prints CFG, or the setting for this trainer and data set
    local by_trainer
    case "$1" in
        ZeroshotCLIP*) by_trainer=vit_b16 ;;
        MaPLe) by_trainer=vit_b16_c2_ep20 ;;
        MaPLe_MAO) by_trainer=vit_b16_c2_ep10 ;;
        *_MAO) by_trainer=vit_b16_c4_ep10 ;;
        *) by_trainer=vit_b16_c4_ep20 ;;
    esac
    [ "$2" != pictograms ] || by_trainer=mini # its 64x64 images go with the bundled small CLIP
    echo "${CFG:-$by_trainer}"
}

run_folder() { # KIND TRAINER DATASET SEED: prints the output folder of a base-to-new run
    echo "$OUTPUT/base2new/$1/$3/shots_$SHOTS/$2/$(config_name "$2" "$3")/seed$4"
}

train() { # TRAINER DATASET SEED YAML OUTPUT_DIR, then flags and KEY VALUE pairs of train.py
    "$PYTHON" train.py --root "$DATA" --seed "$3" --trainer "$1" --dataset-config-file "configs/datasets/$2.yaml" \
        --config-file "configs/trainers/$1/$4.yaml" --output-dir "$5" "${@:6}"
}
