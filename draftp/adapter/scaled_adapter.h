// An adapter by its path, with a factor, and how both are typed.
#ifndef DRAFTP_ADAPTER_SCALED_ADAPTER_H_
#define DRAFTP_ADAPTER_SCALED_ADAPTER_H_

#include <cstdint>
#include <functional>
#include <string>

namespace draftp {

// By which norm DoRA divides. Files don't say.
enum class DoraNorm : uint8_t {
  kChanged,  // ||W + dW||: the paper's, peft's and LyCORIS'
  kBase,     // ||W||: ComfyUI's, of an output's row
};

// Their names, for --dora_norm.
inline constexpr char kDoraNormChanged[] = "changed";
inline constexpr char kDoraNormBase[] = "base";

// Of one of these two names.
inline DoraNorm DoraNormNamed(const std::string& name) {
  return name == kDoraNormBase ? DoraNorm::kBase : DoraNorm::kChanged;
}

// An adapter's file or folder, of any kind (adapter_file.h), and the factor on all that it changes,
// on top of alpha/r.
struct ScaledAdapter {
  std::string path;
  double scale = 1.0;
  DoraNorm dora_norm = DoraNorm::kChanged;

  bool operator==(const ScaledAdapter&) const = default;
};

// PATH or PATH:FACTOR as it is typed.
struct AdapterArgument {
  std::string path;         // file or folder
  std::string factor = {};  // empty: none is typed

  bool operator==(const AdapterArgument&) const = default;
};

// What is there under the whole text is a path, with whatever colons; else the factor is what
// stands behind the last colon outside of parentheses, if `means_one` says so, or if what stands
// before it is an absolute path that is there ("embedded:lora" is a path).
AdapterArgument SplitAdapterArgument(const std::string& text,
                                     const std::function<bool(const std::string&)>& means_one);

}  // namespace draftp

#endif  // DRAFTP_ADAPTER_SCALED_ADAPTER_H_
