#include "draftp/model/unet.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cstdint>

#include "draftp/model/weight_loader.h"

namespace draftp {
namespace {

// Makes the blocks of a config, and numbers the attentions to the prompt in order of the forward
// pass.
class BlockMaker {
 public:
  explicit BlockMaker(const UNetConfig& config) : config_(config) {}

  UNetBlockWeights Down(size_t i) {
    const UNetLevel& level = config_.levels[i];
    UNetBlockWeights block;
    int64_t in = config_.levels[i > 0 ? i - 1 : 0].channels;
    for (const int64_t depth : level.down_depths) {
      AddResnet(block, in, level.channels);
      if (level.down_attention) AddTransformer(block, level, depth, level.only_cross_attention);
      in = level.channels;
    }
    if (i + 1 < config_.levels.size())
      block.resampler = ConvSkeleton(level.channels, level.channels, 3, /*stride=*/2);
    return block;
  }

  UNetBlockWeights Mid() {
    const UNetLevel& level = config_.levels.back();
    UNetBlockWeights block;
    if (config_.mid_block == UNetMidBlock::kNone) return block;
    AddResnet(block, level.channels, level.channels, config_.mid_block_scale_factor);
    if (config_.mid_block == UNetMidBlock::kResnet) return block;
    // diffusers hands only_cross_attention to other kinds of mid block alone.
    AddTransformer(block, level, config_.mid_depth, /*only_cross_attention=*/false);
    AddResnet(block, level.channels, level.channels, config_.mid_block_scale_factor);
    return block;
  }

  // The up block at level i. Its resnets take what the level left on the way down, last first, and
  // then the output of the level above (of conv_in at the top).
  UNetBlockWeights Up(size_t i) {
    const UNetLevel& level = config_.levels[i];
    const int64_t above = config_.levels[i > 0 ? i - 1 : 0].channels;
    const int64_t below = config_.levels[std::min(i + 1, config_.levels.size() - 1)].channels;
    UNetBlockWeights block;
    const size_t count = level.up_depths.size();
    for (size_t j = 0; j < count; ++j) {
      const int64_t hidden = j == 0 ? below : level.channels;
      const int64_t skip = j + 1 == count ? above : level.channels;
      AddResnet(block, hidden + skip, level.channels);
      if (level.up_attention)
        AddTransformer(block, level, level.up_depths[j], level.only_cross_attention);
    }
    if (i > 0) block.resampler = ResizeConvSkeleton(level.channels, level.channels);
    return block;
  }

 private:
  void AddResnet(UNetBlockWeights& block, int64_t in, int64_t out, double output_scale = 1.0) {
    block.resnets.push_back(ResnetSkeleton(in, out,
                                           {.time_channels = config_.time_embedding_dim,
                                            .groups = config_.norm_num_groups,
                                            .eps = config_.norm_eps,
                                            .scale_shift = config_.time_scale_shift,
                                            .output_scale = output_scale}));
  }

  void AddTransformer(UNetBlockWeights& block, const UNetLevel& level, int64_t depth,
                      bool only_cross_attention) {
    const TransformerOptions options{.depth = depth,
                                     .context = config_.cross_attention_dim,
                                     .heads = level.heads,
                                     .groups = config_.norm_num_groups,
                                     .linear_projection = config_.use_linear_projection,
                                     .only_cross_attention = only_cross_attention,
                                     .first_cross_index = cross_attentions_};
    block.attentions.push_back(TransformerSkeleton(level.channels, options));
    cross_attentions_ += static_cast<int>(options.cross_attentions());
  }

  const UNetConfig& config_;
  int cross_attentions_ = 0;
};

SinusoidOptions Sinusoid(const UNetConfig& config) {
  return {.flip_sin_to_cos = config.flip_sin_to_cos, .freq_shift = config.freq_shift};
}

}  // namespace

UNet UNet::Skeleton(const UNetConfig& config) {
  const int64_t channels = config.levels.front().channels, time = config.time_embedding_dim;
  UNet unet{.config = config,
            .time_embedding = EmbeddingMlpSkeleton(channels, time),
            .add_embedding = std::nullopt,
            .conv_in = ConvSkeleton(config.in_channels, channels, config.conv_in_kernel),
            .down_blocks = {},
            .mid_block = {},
            .up_blocks = {},
            .conv_norm_out = GroupNormSkeleton(channels, config.norm_num_groups, config.norm_eps),
            .conv_out = ConvSkeleton(channels, config.out_channels, config.conv_out_kernel)};
  if (config.text_time()) {
    unet.add_embedding = EmbeddingMlpSkeleton(config.projection_class_embeddings_input_dim, time);
  }
  BlockMaker blocks(config);
  for (size_t i = 0; i < config.levels.size(); ++i) unet.down_blocks.push_back(blocks.Down(i));
  unet.mid_block = blocks.Mid();
  for (size_t i = config.levels.size(); i > 0; --i) unet.up_blocks.push_back(blocks.Up(i - 1));
  return unet;
}

absl::StatusOr<UNet> UNet::FromWeights(const UNetConfig& config, WeightMap weights,
                                       const Placement& placement) {
  UNet unet = Skeleton(config);
  WeightLoader load(weights, placement);
  VisitWeights(unet, load);
  if (absl::Status status = load.Finish(); !status.ok()) return status;
  unet.origin = weights.Origin();
  return unet;
}

absl::StatusOr<UNet> UNet::Load(const std::string& dir, const Placement& placement) {
  absl::StatusOr<UNetConfig> config = ReadUNetConfig(dir + "/config.json");
  if (!config.ok()) return config.status();
  absl::StatusOr<WeightMap> weights = WeightMap::Open(dir, "diffusion_pytorch_model");
  if (!weights.ok()) return weights.status();
  return FromWeights(*config, *std::move(weights), placement);
}

at::Tensor ActivatedTime(const UNet& unet, const at::Tensor& time, int64_t batch,
                         const Prepared& prepared, const AdapterRows& rows) {
  const at::Tensor times = rows.empty() ? time.reshape({-1}) : time.expand({batch});
  const at::Tensor sinusoid =
      SinusoidalEmbedding(times, unet.config.levels.front().channels, Sinusoid(unet.config));
  const at::Tensor embedding =
      EmbeddingMlp(sinusoid.to(unet.placement().dtype), unet.time_embedding, rows);
  return Silu(prepared.added.defined() ? embedding + prepared.added : embedding);
}

at::Tensor UNetForward(const UNet& unet, const at::Tensor& sample, const at::Tensor& time,
                       const Prepared& prepared, const AdapterRows& rows,
                       const UNetOptions& options) {
  const int64_t batch = sample.size(0);
  TORCH_CHECK(prepared.prompt.context.size(0) == batch, "prepared for ",
              prepared.prompt.context.size(0), " rows, called with ", batch);
  TORCH_CHECK(time.dim() == 0 || (time.dim() == 1 && time.size(0) == batch), "time is ",
              time.sizes(), ", expected one value or one for each of ", batch, " rows");
  TORCH_CHECK(prepared.prompt.keys_values.empty() || prepared.rows == rows,
              "prepared keys and values belong to other adapters or rows than those of the call");
  const BlockInputs inputs{.activated_time = ActivatedTime(unet, time, batch, prepared, rows),
                           .prompt = prepared.prompt,
                           .rows = rows,
                           .pieces = options.pieces};
  at::Tensor hidden = sample.to(unet.placement().dtype).contiguous(at::MemoryFormat::ChannelsLast);
  if (unet.config.center_input_sample) hidden = 2 * hidden - 1;
  hidden = Conv2d(hidden, unet.conv_in, rows);
  std::vector<at::Tensor> skips{hidden};
  for (const UNetBlockWeights& block : unet.down_blocks)
    hidden = DownBlock(hidden, block, inputs, skips);
  hidden = MidBlock(hidden, unet.mid_block, inputs);
  for (const UNetBlockWeights& block : unet.up_blocks)
    hidden = UpBlock(hidden, block, inputs, skips);
  return NormSiluConv2d(hidden, unet.conv_norm_out, unet.conv_out, rows);
}

}  // namespace draftp
