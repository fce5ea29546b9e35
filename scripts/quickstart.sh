#!/usr/bin/env bash
# Zero-shot CLIP, CoOp and CoOp_MAO from base to new classes on the bundled data, with a table and a chart at the end.
#
#   bash scripts/quickstart.sh            three seeds; about six minutes on two cores, after installation
#   bash scripts/quickstart.sh --all      MaPLe and PromptSRC with and without MAO, too
#   bash scripts/quickstart.sh --short    one seed, two epochs: shows that everything works, not what it can do
#
# A second call goes on where the first one stopped. PYTHON=... in the environment uses an environment of your own.
set -euo pipefail

# The small CLIP's layers are too small to gain from more threads, and threads that wait for each other on busy cores
# cost far more than they bring: a step of CoOp_MAO takes 0.03 s with one thread, and up to 1 s with two on two cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

seeds=(1 2 3)
backbones=(CoOp)
export OUTPUT=${OUTPUT:-output/quickstart}
extra=()
case "${1:-}" in
    "") ;;
    --all)
        backbones=(CoOp MaPLe PromptSRC)
        ;;
    --short)
        seeds=(1)
        OUTPUT=${OUTPUT}_short
        extra=(OPTIM.MAX_EPOCH 2)
        ;;
    *)
        echo "usage: bash $0 [--all | --short]" >&2
        exit 2
        ;;
esac

source "$(dirname "$0")/setup.sh"
begin=$SECONDS
mkdir -p "$OUTPUT/logs"
done_runs=0
all_runs=$(((2 + 5 * ${#backbones[@]}) * ${#seeds[@]}))

run() { # WHAT SCRIPT ARGUMENTS...: one run with its log, in one line
    done_runs=$((done_runs + 1))
    local log start=$SECONDS status=0
    log=$OUTPUT/logs/$(printf '%02d' "$done_runs").txt
    printf '[%d/%d] %s ... ' "$done_runs" "$all_runs" "$1"
    bash "${@:2}" >"$log" 2>&1 || status=$?
    if [ "$status" -ne 0 ]; then
        echo "failed"
        tail -n 20 "$log" >&2
        echo "The whole log is $log. Call this script again to go on from here." >&2
        exit "$status"
    fi
    echo "$((SECONDS - start)) s"
}

for seed in "${seeds[@]}"; do
    export SEED=$seed
    run "zero-shot CLIP seed $seed: test on base" scripts/zsclip/zeroshot.sh pictograms base
    run "zero-shot CLIP seed $seed: test on new" scripts/zsclip/zeroshot.sh pictograms new
    for backbone in "${backbones[@]}"; do
        folder=scripts/$(echo "$backbone" | tr '[:upper:]' '[:lower:]')
        mao=${backbone}_MAO
        run "$backbone seed $seed: train and test on base" "$folder/base2new_train.sh" pictograms "$seed" "${extra[@]}"
        run "$backbone seed $seed: test on new" "$folder/base2new_test.sh" pictograms "$seed" "${extra[@]}"
        run "$mao seed $seed: step 1, train and test on base" \
            scripts/mao/base2new_step1.sh "$mao" pictograms "$seed" "${extra[@]}"
        run "$mao seed $seed: test on new after step 1" scripts/mao/base2new_test.sh "$mao" pictograms "$seed" "${extra[@]}"
        run "$mao seed $seed: step 2, train and test on new" \
            scripts/mao/base2new_step2.sh "$mao" pictograms "$seed" "${extra[@]}"
    done
done

echo
"$PYTHON" scripts/tables.py "$OUTPUT"
"$PYTHON" scripts/tables.py "$OUTPUT" --format markdown --output "$OUTPUT/table.md"
"$PYTHON" scripts/chart.py "$OUTPUT" --output "$OUTPUT/chart.png"
took=$((SECONDS - begin))
echo
echo "Table: $OUTPUT/table.md   Chart: $OUTPUT/chart.png"
echo "This call took $((took / 60)) min $((took % 60)) s after installation."
