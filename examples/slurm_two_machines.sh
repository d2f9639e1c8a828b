#!/bin/bash
#SBATCH --job-name=cgc-grpo
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
# GRPO on two machines of 8 GPUs: sbatch examples/slurm_two_machines.sh ORG/NAME runs/two-machines
#
# One task per machine starts the 8 processes of that machine. The release, the run folder, and the Hub cache must be on
# a disk that both machines share. Submit the script again to resume a stopped run from its newest checkpoint.
# First, on any machine: cgc-train check qwen3-vl-8b-full data.release=ORG/NAME gpus=16 accelerate=zero3-2x8 \
#   effective_batch=256
set -euo pipefail
release=$1
run=$2

read -r host < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
port=$((20000 + SLURM_JOB_ID % 20000)) # two jobs on one machine need two ports
if [ -f "$run/recipe.yaml" ]; then
  train=(resume "$run")
else
  train=(grpo qwen3-vl-8b-full "data.release=$release" gpus=16 accelerate=zero3-2x8 effective_batch=256 --to "$run")
fi

# Only the task on a machine knows the machine's rank, so an inner shell reads it.
# shellcheck disable=SC2016
srun --kill-on-bad-exit=1 bash -c '
  accelerate launch --config_file "$(cgc-train recipes --accelerate zero3-2x8)" \
    --machine_rank "$SLURM_NODEID" --main_process_ip "$0" --main_process_port "$1" \
    -m cgc_train "${@:2}"
' "$host" "$port" "${train[@]}"
