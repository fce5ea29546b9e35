#!/usr/bin/env bash
# A Ray cluster inside a SLURM allocation, and a sweep on it. One Ray node a machine, the head on the first.
#
#   sbatch --nodes 4 --gpus-per-node 4 --cpus-per-task 32 --time 24:00:00 scripts/slurm/ray_cluster.sh table1 --gpus 0.5
#
# The words behind the script's name are those of `python -m experiments.sweep`. Submit it from the repository, which, like
# DATA and OUTPUT, has to be seen by all machines under the same path. A job that ran out of time goes on when the same
# line is submitted again. PORT in the environment chooses another port than 6379. Nodes and sweep know each other by a
# token of this job, which goes through the environment: no file to delete, and no command line that shows it.
#SBATCH --job-name=mao-sweep
#SBATCH --ntasks-per-node=1
#SBATCH --output=ray_cluster-%j.log
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 2
}

[ $# -gt 0 ] || fail "give the words of python -m experiments.sweep, for example: table1 --gpus 0.5"
[ -n "${SLURM_JOB_ID:-}" ] || fail "this runs inside SLURM: submit it with sbatch"
cd "${SLURM_SUBMIT_DIR:-.}"
[ -f train.py ] || fail "$(pwd) is not the repository: submit from there"
REQUIREMENTS=requirements-ray.txt
source scripts/setup.sh
RAY=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("scripts"))')/ray
export RAY_USAGE_STATS_ENABLED=0 RAY_AUTH_MODE=${RAY_AUTH_MODE:-token}
RAY_AUTH_TOKEN=$("$PYTHON" -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN

port=${PORT:-6379}
cores=${SLURM_CPUS_PER_TASK:-1}
mapfile -t machines < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${machines[0]}
address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" hostname --ip-address | awk '{ print $1 }'):$port

start_node() { # MACHINE, then options of ray start
    srun --nodes 1 --ntasks 1 --nodelist "$1" --overlap --export=ALL \
        "$RAY" start --block --num-cpus "$cores" --disable-usage-stats "${@:2}" &
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
start_node "$head" --head --node-ip-address "${address%:*}" --port "$port" --include-dashboard false
for attempt in $(seq 30); do
    "$RAY" status --address "$address" >/dev/null 2>&1 && break
    [ "$attempt" -lt 30 ] || fail "the Ray head on $head did not answer at $address"
    sleep 2
done
for machine in "${machines[@]:1}"; do
    start_node "$machine" --address "$address"
done

"$PYTHON" -m experiments.sweep "$1" --engine ray --address "$address" "${@:2}"
