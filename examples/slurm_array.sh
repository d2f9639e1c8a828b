#!/bin/bash
#SBATCH --job-name=cgc-data
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --time=04:00:00
# Build a release on many machines: sbatch examples/slurm_array.sh CONFIG.yaml R
#
# The first job plans the release in R and submits the other jobs. Each job of an array renders a few shards. The last
# job finishes the release after the whole array has succeeded. R and the photos must be on a disk that all machines
# share. Submit the script again to resume: finished shards are kept.
set -euo pipefail
config=$1
out=$2
stage=${3:-plan}
per_job=${SHARDS_PER_JOB:-20}

case $stage in
  plan)
    shards=$(cgc-data plan "$config" --out "$out" --workers "$SLURM_CPUS_PER_TASK" --json |
      python -c 'import json, sys; print(json.load(sys.stdin)["shards"])')
    array=$(sbatch --parsable --array="0-$(((shards - 1) / per_job))" "$0" "$config" "$out" render)
    sbatch --dependency="afterok:${array%%;*}" --kill-on-invalid-dep=yes "$0" "$config" "$out" finish
    ;;
  render)
    first=$((SLURM_ARRAY_TASK_ID * per_job))
    cgc-data render "$out" --shard "$first:$((first + per_job))" --workers "$SLURM_CPUS_PER_TASK"
    ;;
  finish)
    cgc-data finish "$out" --workers "$SLURM_CPUS_PER_TASK"
    ;;
esac
