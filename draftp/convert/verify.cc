#include "draftp/convert/verify.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "draftp/adapter/adapter_role.h"
#include "draftp/adapter/adapter_source.h"
#include "draftp/convert/adapter_conversion.h"
#include "draftp/convert/merged_adapters.h"
#include "draftp/convert/model_structure.h"
#include "draftp/io/count.h"
#include "draftp/io/printable.h"
#include "draftp/sdxl/model_source.h"

namespace draftp {
namespace {

absl::Status Error(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(Printable(path, 4096), ": ", what));
}

std::string Text(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

bool SameBits(const at::Tensor& one, const at::Tensor& other) {
  if (one.scalar_type() != other.scalar_type() || one.sizes() != other.sizes()) return false;
  const at::Tensor a = one.contiguous(), b = other.contiguous();
  return a.numel() == 0 || std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

// `tensors without a place: a, b and 7 more`.
void SayLeft(const std::string& what, const std::vector<std::string>& names, std::ostream& out) {
  constexpr size_t kNamed = 10;
  if (names.empty()) return;
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min(kNamed, names.size()); ++i) shown.push_back(Printable(names[i]));
  out << what << ": " << absl::StrJoin(shown, ", ");
  if (names.size() > kNamed) out << " and " << names.size() - kNamed << " more";
  out << '\n';
}

absl::Status VerifyPart(const std::string& path, const PartToWrite& part, std::ostream& out) {
  const std::string folder = PartFolder(part.part);
  const auto shapes =
      ShapesOf(part.part, JsonReader(absl::StrCat(path, ": ", folder), part.config));
  if (!shapes.ok()) return shapes.status();
  for (const auto& [name, shape] : *shapes) {
    const auto found = part.tensors.find(name);
    const std::string has = found == part.tensors.end() ? "nothing" : Text(found->second.shape);
    if (has != Text(shape)) {
      return Error(path, absl::StrCat(folder, "/", Printable(name), ": is ", has, ", expected ",
                                      Text(shape), " by the config"));
    }
  }
  std::vector<std::string> more;
  for (const auto& [name, tensor] : part.tensors) {
    if (!shapes->contains(name)) more.push_back(name);
  }
  out << folder << ": all of " << Count(static_cast<int64_t>(shapes->size()), "tensor")
      << " that its config asks for\n";
  SayLeft(folder + ": tensors that nothing uses", more, out);
  return absl::OkStatus();
}

// Names in a single file that no part took.
absl::Status SayUntaken(const std::string& path, std::ostream& out) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  const auto file = WeightMap::Open(path, "");
  if (!file.ok()) return file.status();
  const std::vector<std::string> names = file->names();
  std::set<std::string> untaken(names.begin(), names.end());
  auto source = ModelSource::Open(path);
  if (!source.ok()) return source.status();
  for (const ModelPart part : kModelParts) {
    const auto taken = source->Take(part);
    if (!taken.ok()) continue;  // another file stands in for it
    for (const std::string& name : taken->weights.names())
      untaken.erase(taken->weights.NameInFile(name));
  }
  SayLeft("tensors that no part takes", {untaken.begin(), untaken.end()}, out);
  return absl::OkStatus();
}

}  // namespace

bool IsAdapter(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return !std::filesystem::exists(path + "/model_index.json", error) && FindAdapter(path).ok();
  const auto weights = WeightMap::Open(path, "");
  return weights.ok() && std::ranges::any_of(weights->names(), [](const std::string& name) {
           return SplitAdapterKey(name).ok();
         });
}

absl::Status VerifyModel(const std::string& path, const PartPaths& parts, std::ostream& out) {
  const auto model = ReadModel(path, parts);
  if (!model.ok()) return model.status();
  for (const PartToWrite& part : model->parts) {
    if (absl::Status s = VerifyPart(path, part, out); !s.ok()) return s;
  }
  return SayUntaken(path, out);
}

absl::Status VerifyWrittenModel(const std::string& path, const ModelToWrite& written,
                                std::ostream& out) {
  const auto read = ReadModel(path);
  if (!read.ok()) return read.status();
  int64_t count = 0;
  for (const PartToWrite& part : written.parts) {
    const TensorsToWrite& found = read->of(part.part).tensors;
    for (const auto& [name, tensor] : part.tensors) {
      const auto again = found.find(name);
      const std::string where = absl::StrCat(PartFolder(part.part), "/", Printable(name));
      if (again == found.end()) {
        if (part.part == ModelPart::kTextEncoder && name == "text_projection.weight")
          continue;  // single files have none
        return Error(path, where + ": isn't there, expected it as it was written");
      }
      const auto expected = tensor.make(), got = again->second.make();
      if (!expected.ok()) return expected.status();
      if (!got.ok()) return got.status();
      if (!SameBits(*got, *expected))
        return Error(path, where + ": has other bits than were written");
      ++count;
    }
  }
  out << "verified: " << Count(count, "tensor") << ", bit for bit\n";
  return absl::OkStatus();
}

absl::Status VerifyWrittenAdapter(const std::string& path, const Adapter& written,
                                  const LayerShapes& layers, std::ostream& out) {
  const auto read = ReadFittedAdapter(path, layers);
  if (!read.ok()) return read.status();
  int64_t count = 0;
  for (size_t part = 0; part < written.parts.size(); ++part) {
    for (const auto& [layer, change] : written.parts.at(part)) {
      const auto found = read->parts.at(part).find(layer);
      const std::string where =
          absl::StrCat(PartName(static_cast<AdapterPart>(part)), ".", Printable(layer));
      if (found == read->parts.at(part).end())
        return Error(path, where + ": isn't there, expected it as it was written");
      bool same =
          found->second.items.size() == change.items.size() && found->second.scale == change.scale;
      for (const auto& [role, item] : change.items) {
        same = same && found->second.Has(role) &&
               SameBits(found->second.at(role).flatten(), item.tensor.flatten());
        ++count;
      }
      if (!same) return Error(path, where + ": has other bits than were written");
    }
  }
  out << "verified: " << Count(count, "tensor") << ", bit for bit\n";
  return absl::OkStatus();
}

}  // namespace draftp
