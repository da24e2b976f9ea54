#!/usr/bin/env bash
# The reward-diversity curves of benchmarks/RESULTS.md: trains the embedded model on captions that leave colours, places and
# backgrounds open, on a reward with a taste, without and with KL, by three seeds, and evaluates each run twice: by ways to
# blend and LoRA scales, and by training steps. About ten minutes on a Hopper GPU.
#
#   benchmarks/reward_diversity/run.sh BIN MODEL OUT [SEED ...]
#
# BIN: folder of the package's programs; MODEL: testdata/tiny_sdxl. Then benchmarks/reward_diversity/summarize.py OUT.
set -euo pipefail
bin=$1 model=$2 out=$3
shift 3
seeds=("${@:-1 2 3}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "$out/taste"
printf '{"kind": "target_colour", "colour": [255, 160, 60]}\n' >"$out/taste/draftp_reward.json"
reward="$model/reward_model,$out/taste:${TASTE:-20}"
blends=${BLENDS:-base,draft,linear,power_2,power_4,step_0.2,step_0.4,step_0.6,step_0.8,0.2,0.4,0.6,0.8,1.4}
scales=${SCALES:-0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9}
evaluated=(--model "$model" --prompts "$here/held_out.txt" --images_per_prompt "${IMAGES:-32}" --steps 25 --batch_size 32
  --reward "$reward" --quiet)
for kl in ${KLS:-0 0.05}; do
  for seed in ${seeds[*]}; do
    run=$out/train_kl${kl}_seed$seed
    "$bin/train" --model "$model" --prompts "$here/train.txt" --reward "$reward" --output_dir "$run" --seed "$seed" \
      --kl_coeff "$kl" --steps 25 --truncation_steps 5 --micro_batch_size 32 --global_batch_size 32 --lora_rank 8 --lr 2e-3 \
      --lr_schedule cosine --gradient_clip_val 1 --max_steps "${STEPS:-600}" --val_check_interval "${EVERY:-60}" \
      --validation_images 6 --images_per_prompt 2 --save_interval 600 --quiet
    "$bin/evaluate" "${evaluated[@]}" --lora "$run" --weight_type "$blends" --lora_scale "$scales" \
      --output_dir "$out/blends_kl${kl}_seed$seed"
    "$bin/evaluate" "${evaluated[@]}" --checkpoints "$run" --output_dir "$out/steps_kl${kl}_seed$seed"
  done
done
