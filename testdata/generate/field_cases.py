"""Inputs as people have them, rebuilt from public reports, and what diffusers draws of them.

Command:  python testdata/generate/field_cases.py testdata
Seed:     1243 (noise: torch.Generator().manual_seed(1243)); rows of added tokens are the formula `hash_tensor`
Versions: recorded in testdata/field_cases/expected.json

Writes testdata/field_cases/CASE/, which tools/field_cases_test.cc lays over a copy of the embedded model or gives to a
program, and expected.json: of each picture the mean of every 16 x 16 pixels, [8, 8, 3], in 0 to 255. Pictures are of
diffusers' own pipeline, in float32 with EulerDiscreteScheduler's trailing steps. What would be large is made by the test as it is
here: b13's UNet has those of the embedded one's tensors that its config asks for, f04's encoders have two rows more.
Adapters (c01, c03, c04, c06, c09) are adapter_files.py's.
"""

import gzip
import io
import json
import pathlib
import platform
import sys
import tarfile

import diffusers
import torch
import transformers
from diffusers import StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPConfig, CLIPImageProcessor, CLIPTokenizer
from unet import hash_tensor

PROMPT = "a red circle on a blue background"
OTHER = "a small green star left of a large yellow ring"
ADDED = ["<s0>", "<s1>"]
# What transformers 4.27 wrote for each tower of a CLIP beside the tower's own.
NONE_IN_4_27 = """architectures bad_words_ids begin_suppress_tokens cross_attention_hidden_size decoder_start_token_id
    exponential_decay_length_penalty finetuning_task forced_bos_token_id forced_eos_token_id prefix problem_type
    sep_token_id suppress_tokens task_specific_params tf_legacy_loss tokenizer_class torch_dtype""".split()
FALSE_IN_4_27 = """add_cross_attention do_sample early_stopping is_decoder is_encoder_decoder output_attentions
    output_hidden_states output_scores remove_invalid_values return_dict_in_generate torchscript use_bfloat16""".split()
OTHERS_IN_4_27 = {"chunk_size_feed_forward": 0, "diversity_penalty": 0.0, "dropout": 0.0, "encoder_no_repeat_ngram_size": 0}
OTHERS_IN_4_27 |= {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
OTHERS_IN_4_27 |= {"length_penalty": 1.0, "max_length": 20, "min_length": 0, "no_repeat_ngram_size": 0, "num_beams": 1}
OTHERS_IN_4_27 |= {"num_beam_groups": 1, "num_return_sequences": 1, "pruned_heads": {}, "repetition_penalty": 1.0}
OTHERS_IN_4_27 |= {"return_dict": True, "temperature": 1.0, "tie_encoder_decoder": False, "tie_word_embeddings": True}
OTHERS_IN_4_27 |= {"top_k": 50, "top_p": 1.0, "typical_p": 1.0, "transformers_version": "4.27.3", "_name_or_path": "x"}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def write_json(path, value):
    write(path, json.dumps(value, indent=1) + "\n")


def index(tiny, scheduler, **changes):
    names = json.loads((tiny / "model_index.json").read_text())
    return names | {"scheduler": ["diffusers", scheduler]} | changes


def write_schedulers(tiny, out):
    base = json.loads((tiny / "scheduler/scheduler_config.json").read_text())
    for case, kind in {
        "a01_sched_dpmpp_multistep": "DPMSolverMultistepScheduler",
        "a02_sched_unipc": "UniPCMultistepScheduler",
        "a03_sched_lcm": "LCMScheduler",
    }.items():
        getattr(diffusers, kind).from_config(base).save_config(out / case / "scheduler")
        write_json(out / case / "model_index.json", index(tiny, kind))
    # As 0.24 wrote it: without what came later, Python's infinity, Karras' levels.
    old = dict(diffusers.DPMSolverMultistepScheduler.from_config(base).config)
    later = ["flow", "shift", "beta_sigmas", "exponential", "final_sigmas", "rescale_betas", "snr"]
    old = {key: value for key, value in old.items() if not any(word in key for word in later) and key[0] != "_"}
    old |= {"_class_name": "DPMSolverMultistepScheduler", "_diffusers_version": "0.24.0", "use_karras_sigmas": True}
    case = out / "a14_sched_dpmpp_old_karras"
    write_json(case / "scheduler/scheduler_config.json", old)
    write_json(case / "model_index.json", index(tiny, "DPMSolverMultistepScheduler"))
    zero = base | {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"}
    write_json(out / "a16_zero_terminal_snr/scheduler/scheduler_config.json", zero)
    changes = {
        "_class_name": "StableDiffusionXLImg2ImgPipeline",
        "feature_extractor": [None, None],
        "image_encoder": [None, None],
        "requires_aesthetics_score": False,
    }
    write_json(out / "a17_index_img2img/model_index.json", index(tiny, "EulerDiscreteScheduler", **changes))


def write_tokenizers(tiny, out):
    """tokenizer.json with an empty vocabulary: the test fills in vocab.json's and merges.txt's."""
    for name in ["tokenizer", "tokenizer_2"]:
        folder = out / "a18_tokenizer_json_only" / name
        CLIPTokenizer.from_pretrained(tiny / name).save_pretrained(folder)
        saved = json.loads((folder / "tokenizer.json").read_text())
        assert saved["model"]["vocab"] == json.loads((tiny / name / "vocab.json").read_text())
        saved["model"] |= {"vocab": {}, "merges": []}
        for path in folder.iterdir():
            if path.name not in ["tokenizer.json", "tokenizer_config.json"]:
                path.unlink()
        write_json(folder / "tokenizer.json", saved)
        write_json(out / "f04_textual_inversion_tokens" / name / "added_tokens.json", {"<s0>": 738, "<s1>": 739})


def write_unets(tiny, out):
    config = json.loads((tiny / "unet/config.json").read_text())
    write_json(out / "a23_unet_depth_zero_unused/unet/config.json", config | {"transformer_layers_per_block": [0, 1, 2]})
    write_json(out / "a24_unet_dropout_nonzero/unet/config.json", config | {"dropout": 0.1})
    # As SSD-1B has it: depths by layer, on the way up backwards, and a middle of one resnet.
    changes = {
        "mid_block_type": "UNetMidBlock2D",
        "transformer_layers_per_block": [1, [1, 1], [2, 2]],
        "reverse_transformer_layers_per_block": [[2, 2, 2], [1, 1, 1], 1],
    }
    write_json(out / "b13_unet_mid_without_attention/unet/config.json", config | changes)


def write_shard(path, members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as shard:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            shard.addfile(member, io.BytesIO(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    content = data.getvalue().rstrip(b"\0")
    path.write_bytes(content + bytes(-len(content) % 512 + 1024))


def write_captions(out):
    picture = b"\xff\xd8" + bytes(20)
    said = [json.dumps({"prompt": text}).encode() for text in [PROMPT, OTHER]]
    write_shard(
        out / "g07_shard_with_json_only/s.tar",
        {"000000.jpg": picture, "000000.json": said[0], "000001.jpg": picture, "000001.json": said[1]},
    )
    write_shard(
        out / "g08_empty_caption_in_shard/s.tar", {"0.txt": PROMPT.encode(), "1.txt": b"", "2.txt": OTHER.encode()}
    )
    write(out / "g13_folder_itself/img/a.txt", PROMPT + "\n")
    write(out / "g13_folder_itself/img/b.txt", OTHER)
    lines = [{"file_name": f"{i}.png", "text": text} for i, text in enumerate([PROMPT, OTHER])]
    write(out / "g14_metadata_jsonl_text/metadata.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    write(out / "g21_csv_single_capital_header/p.csv", "Prompts\na red circle\na green star\n")
    (out / "g24_txt_gz").mkdir(parents=True, exist_ok=True)
    (out / "g24_txt_gz/p.txt.gz").write_bytes(gzip.compress(b"a red circle\na green star\n", mtime=0))
    lines = [{"prompt": PROMPT, "tag": "x"}, {"prompt": "a green star", "tag": "y"}]
    write(out / "d22_jsonl_prompts_to_anneal/prompts.jsonl", "".join(json.dumps(line) + "\n" for line in lines))


def write_original_yaml(out):
    """NeMo-Aligner's SDXL training configuration as it is copied, W&B turned off."""
    write(
        out / "h02_original_yaml_wandb_off/draftp_sdxl.yaml",
        """name: my_draftp
trainer: {devices: 1, num_nodes: 1, precision: 32, draftp_sd: {save_interval: 500, gradient_clip_val: 10}, logger: False}
exp_manager:
  name: ${name}
  explicit_log_dir: null
  create_wandb_logger: False
  wandb_logger_kwargs: {project: p, name: '${name}', resume: False}
  checkpoint_callback_params: {filename: '${name}--{reduced_train_loss:.2f}-{step}-{consumed_samples}'}
reward_model: "pickscore"
pretrained_checkpoint: {restore_from_path: null}
model:
  precision: ${trainer.precision}
  kl_coeff: 1.0
  restore_from_path: null
  sampling:
    base: {sampler: EulerEDMSampler, width: 128, height: 128, steps: 3, discretization: "LegacyDDPMDiscretization",
      guider: "VanillaCFG", thresholder: "None", scale: 5.0, img2img_strength: 1.0, s_tmax: 999.0, order: 4}
  scale_factor: 0.13025
  unet_config: {_target_: a.UNetModel, from_pretrained: null, adm_in_channels: 2816, context_dim: 2048}
  first_stage_config: {_target_: a.AutoencoderKLInferenceWrapper, from_pretrained: null, embed_dim: 4}
  seed: 1234
  peft: {peft_scheme: "sdlora", restore_from_path: null, lora_tuning: {adapter_dim: 32, network_alpha: null}}
rm:
  trainer: {num_nodes: 1, logger: False, precision: 32}
  model: {restore_from_path: , precision: '${trainer.precision}'}
""",
    )


def write_reward(tiny, out):
    """PickScore's config as transformers 4.27 saved it: every field of both towers, texts' eos_token_id 2."""
    own = json.loads((tiny / "reward_model/config.json").read_text())
    full = {"_commit_hash": None, "logit_scale_init_value": 2.6592, "model_type": "clip", "torch_dtype": "float32"}
    full |= {"projection_dim": own["projection_dim"], "architectures": ["CLIPModel"], "transformers_version": None}
    common = dict.fromkeys(NONE_IN_4_27) | dict.fromkeys(FALSE_IN_4_27, False) | OTHERS_IN_4_27
    for tower in ["text_config", "vision_config"]:
        full[tower] = getattr(CLIPConfig(**own), tower).to_dict() | own[tower] | common
        full[tower].pop("dtype", None)
        full[tower + "_dict"] = None
    full["text_config"] |= {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    case = out / "j01_pickscore_config_4_27"
    write_json(case / "config.json", full)
    side = own["vision_config"]["image_size"]
    processor = CLIPImageProcessor(size={"shortest_edge": side}, crop_size={"height": side, "width": side})
    saved = json.loads(processor.to_json_string()) | {"feature_extractor_type": "CLIPFeatureExtractor"}
    write_json(case / "preprocessor_config.json", saved)
    write(case / "c.txt", "\n".join([PROMPT, "a small green star", "a large yellow ring", "a pink heart", "a white cross", ""]))


def means(pipeline, prompt=PROMPT, steps=4, guidance=5.0):
    scheduler = pipeline.scheduler.config | {"timestep_spacing": "trailing"}
    pipeline.scheduler = diffusers.EulerDiscreteScheduler.from_config(scheduler)
    size = pipeline.unet.config.sample_size
    noise = torch.randn((1, 4, size, size), generator=torch.Generator().manual_seed(1243))
    picture = pipeline(
        prompt, latents=noise, num_inference_steps=steps, guidance_scale=guidance, output_type="pt", add_watermarker=False
    ).images[0]
    picture = torch.nn.functional.avg_pool2d(255 * picture, picture.shape[-1] // 8)
    return [round(value, 2) for value in picture.permute(1, 2, 0).flatten().tolist()]


def add_tokens(pipeline):
    for tokenizer, encoder in [
        (pipeline.tokenizer, pipeline.text_encoder),
        (pipeline.tokenizer_2, pipeline.text_encoder_2),
    ]:
        assert tokenizer.add_tokens(ADDED) == 2
        encoder.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        rows = encoder.get_input_embeddings().weight
        rows.data[-2:] = (0.02 * hash_tensor("token_embedding", 2, rows.shape[1])).half().to(rows.dtype)


@torch.no_grad()
def main(root):
    tiny, out = root / "tiny_sdxl", root / "field_cases"
    write_schedulers(tiny, out)
    write_tokenizers(tiny, out)
    write_unets(tiny, out)
    write_captions(out)
    write_original_yaml(out)
    write_reward(tiny, out)

    def load(**parts):
        return StableDiffusionXLPipeline.from_pretrained(tiny, torch_dtype=torch.float32, **parts)

    zero = load(scheduler=diffusers.EulerDiscreteScheduler.from_pretrained(out / "a16_zero_terminal_snr/scheduler"))
    config = UNet2DConditionModel.load_config(out / "b13_unet_mid_without_attention/unet")
    middle = UNet2DConditionModel.from_config(config)
    weights = load_file(tiny / "unet/diffusion_pytorch_model.safetensors")
    middle.load_state_dict({name: weights[name].float() for name in middle.state_dict()})
    added = load()
    add_tokens(added)
    pictures = {
        "base": means(load()),
        "a16_zero_terminal_snr": means(zero),
        "b13_unet_mid_without_attention": means(load(unet=middle.eval())),
        "d06_empty_prompt": means(load(), prompt=""),
        "d11_guidance_0_turbo": means(load(), steps=2, guidance=0.0),
        "f04_textual_inversion_tokens": means(added, prompt="a red circle in <s0><s1> style"),
    }
    versions = {module.__name__: module.__version__ for module in [torch, diffusers, transformers]}
    versions["python"] = platform.python_version()
    write(out / "expected.json", json.dumps({"versions": versions, "pictures": pictures}) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
