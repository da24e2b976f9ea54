#include "draftp/checkpoint/layout.h"

namespace draftp {

std::string_view PartName(ModelPart part) {
  switch (part) {
    case ModelPart::kUNet:
      return "UNet";
    case ModelPart::kVae:
      return "VAE";
    case ModelPart::kTextEncoder:
      return "CLIP text encoder";
    case ModelPart::kTextEncoder2:
      return "second text encoder";
    case ModelPart::kImageEncoder:
      return "CLIP image encoder";
    case ModelPart::kClip:
      return "CLIP";
  }
  return "";
}

std::string PartFolder(ModelPart part) {
  switch (part) {
    case ModelPart::kUNet:
      return "unet";
    case ModelPart::kVae:
      return "vae";
    case ModelPart::kTextEncoder:
      return "text_encoder";
    case ModelPart::kTextEncoder2:
      return "text_encoder_2";
    case ModelPart::kImageEncoder:
      return "image_encoder";
    case ModelPart::kClip:
      return "clip";
  }
  return "";
}

std::string PartStem(ModelPart part) {
  return part == ModelPart::kUNet || part == ModelPart::kVae ? "diffusion_pytorch_model" : "model";
}

}  // namespace draftp
