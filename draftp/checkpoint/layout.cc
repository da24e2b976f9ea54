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

}  // namespace draftp
