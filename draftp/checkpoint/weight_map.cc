// Opens weight files, hands tensors out by name, and renames them.
#include "draftp/checkpoint/weight_map.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "draftp/checkpoint/safetensors_header.h"
#include "draftp/io/nearest_name.h"
#include "draftp/io/printable.h"

namespace draftp {

absl::StatusOr<WeightMap> WeightMap::Open(const std::string& path, const std::string& stem) {
  const absl::StatusOr<WeightFiles> files = FindWeightFiles(path, stem);
  if (!files.ok()) return files.status();
  return Open(*files);
}

absl::StatusOr<WeightMap> WeightMap::Open(const WeightFiles& files) {
  WeightMap map;
  map.sources_ = files.All();
  for (const std::string& path : files.files) {
    if (absl::Status added = map.Add(path, files); !added.ok()) return added;
  }
  for (const auto& [name, shard] : files.shard_of) {
    if (!map.Contains(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Printable(files.index, 4096), ": found no tensor ", Quoted(name), " in ",
                       Printable(shard), ", expected it as weight_map says"));
    }
  }
  return map;
}

absl::Status WeightMap::Add(const std::string& path, const WeightFiles& files) {
  const auto file = OpenTensorFile(path);
  if (!file.ok()) return file.status();
  const std::string shard = path.substr(path.rfind('/') + 1);
  for (const std::string& name : (*file)->names()) {
    if (!files.index.empty()) {
      const auto listed = files.shard_of.find(name);
      if (listed == files.shard_of.end() || listed->second != shard) {
        return absl::InvalidArgumentError(
            absl::StrCat(Printable(files.index, 4096), ": found tensor ", Quoted(name), " in ",
                         Printable(shard), ", expected it ",
                         listed == files.shard_of.end() ? "in weight_map, too"
                                                        : "in " + Printable(listed->second)));
      }
    }
    items_.emplace(name, Item{*file, name, {}, {}});
  }
  metadata_.insert((*file)->metadata().begin(), (*file)->metadata().end());
  files_.push_back(*file);
  return absl::OkStatus();
}

WeightMap WeightMap::FromTensors(std::map<std::string, at::Tensor> tensors,
                                 const std::string& source) {
  WeightMap map;
  map.sources_.push_back(source);
  for (auto& [name, tensor] : tensors)
    map.items_.emplace(name, Item{std::move(tensor), name, {}, {}});
  return map;
}

bool WeightMap::Contains(const std::string& name) const {
  const auto found = items_.find(name);
  return found != items_.end() && !found->second.absent();
}

std::string WeightMap::Item::Source(const WeightMap& map) const {
  const auto* file = std::get_if<std::shared_ptr<const TensorFile>>(&data);
  return file == nullptr ? map.sources_.front() : (*file)->path();
}

std::vector<int64_t> WeightMap::Item::StoredShape() const {
  if (const auto* tensor = std::get_if<at::Tensor>(&data)) return tensor->sizes().vec();
  return *std::get<std::shared_ptr<const TensorFile>>(data)->Shape(name_in_file);
}

std::optional<std::vector<int64_t>> WeightMap::Item::Shape() const {
  std::optional<std::vector<int64_t>> shape = StoredShape();
  for (const TensorView& view : views) {
    if (shape) shape = ViewShape(view, *shape);
  }
  return shape;
}

std::vector<int64_t> WeightMap::Item::ShapeInFile(std::vector<int64_t> shape) const {
  for (auto view = views.rbegin(); view != views.rend(); ++view)
    shape = draftp::ShapeInFile(*view, std::move(shape));
  return shape;
}

std::string WeightMap::Where(const Item& item) const {
  return absl::StrCat(Printable(item.Source(*this), 4096), ": tensor ", Quoted(item.name_in_file));
}

absl::Status WeightMap::Absent(const std::string& name) const {
  const auto found = items_.find(name);
  const Item item = found == items_.end() ? Item{{}, name, {}, {}} : found->second;
  for (const auto& file : files_) {
    if (const std::string other = file->OtherThan(item.name_in_file); !other.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(Printable(file->path(), 4096), ": tensor ",
                                                     Quoted(item.name_in_file), ": found ", other,
                                                     ", expected a tensor"));
    }
  }
  std::vector<std::string> there;
  for (const auto& [own, other] : items_) {
    if (!other.absent()) there.push_back(other.name_in_file);
  }
  const std::optional<std::string> nearest = NearestName(item.name_in_file, there);
  return absl::NotFoundError(absl::StrCat(
      Where(item), ": found no such tensor, expected it to be there",
      nearest.has_value() ? absl::StrCat(" (the nearest name is ", Quoted(*nearest), ")") : ""));
}

absl::Status WeightMap::WrongShape(const Item& item, const std::string& expected) const {
  return absl::InvalidArgumentError(absl::StrCat(
      Where(item), ": found shape ", ShapeText(item.StoredShape()), ", expected ", expected));
}

absl::StatusOr<std::vector<int64_t>> WeightMap::Shape(const std::string& name) const {
  if (!Contains(name)) return Absent(name);
  const Item& item = items_.at(name);
  if (const std::optional<std::vector<int64_t>> shape = item.Shape()) return *shape;
  return WrongShape(item, ExpectedForView(item.views.front()));
}

absl::StatusOr<at::Tensor> WeightMap::TakeAnyDtype(const std::string& name) {
  if (!Contains(name)) return Absent(name);
  const Item& item = items_.at(name);
  used_.insert(name);
  const auto* file = std::get_if<std::shared_ptr<const TensorFile>>(&item.data);
  if (file == nullptr) return std::get<at::Tensor>(item.data);
  return (*file)->Tensor(item.name_in_file);
}

absl::StatusOr<double> WeightMap::Scalar(const std::string& name) {
  absl::StatusOr<at::Tensor> tensor = TakeAnyDtype(name);
  if (!tensor.ok()) return tensor.status();
  if (tensor->numel() == 1 && !at::isComplexType(tensor->scalar_type()))
    return tensor->to(at::kDouble).item<double>();
  return absl::InvalidArgumentError(
      absl::StrCat(Where(items_.at(name)), ": found ", tensor->numel(), " values of ",
                   c10::toString(tensor->scalar_type()), ", expected one number"));
}

absl::StatusOr<at::Tensor> WeightMap::Take(const std::string& name,
                                           const std::vector<int64_t>& shape) {
  absl::StatusOr<at::Tensor> tensor = TakeAnyDtype(name);
  if (!tensor.ok()) return tensor.status();
  const Item& item = items_.at(name);
  if (item.Shape() != shape) return WrongShape(item, ShapeText(item.ShapeInFile(shape)));
  if (!at::isFloatingType(tensor->scalar_type())) {
    return absl::InvalidArgumentError(absl::StrCat(Where(item), ": found dtype ",
                                                   c10::toString(tensor->scalar_type()),
                                                   ", expected a floating-point one"));
  }
  if (item.scale.defined()) *tensor = tensor->to(at::kFloat) * item.scale;
  for (const TensorView& view : item.views) *tensor = ViewOf(view, *tensor);
  return tensor;
}

absl::Status WeightMap::Scale(const std::string& name, const std::string& scale) {
  if (!Contains(name)) return Absent(name);
  const absl::StatusOr<std::vector<int64_t>> shape = Shape(scale);
  if (!shape.ok()) return shape.status();
  if (!shape->empty() && *shape != std::vector<int64_t>{1})
    return WrongShape(items_.at(scale), "[] or [1]");
  const absl::StatusOr<at::Tensor> factor = Take(scale, *shape);
  if (!factor.ok()) return factor.status();
  items_.at(name).scale = factor->to(at::kFloat).reshape({});
  return absl::OkStatus();
}

absl::StatusOr<WeightMap> WeightMap::Rename(std::span<const Renaming> renamings) && {
  std::map<std::string, Item> renamed;
  std::set<std::string> moved;
  const auto add = [&](const std::string& to, Item item) -> absl::Status {
    const auto [there, added] = renamed.emplace(to, item);
    if (added || item.absent()) return absl::OkStatus();
    if (there->second.absent()) {
      there->second = std::move(item);
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat(Where(item), ": found it beside ", Quoted(there->second.name_in_file),
                     ", expected one of them: both are ", Quoted(to)));
  };
  for (const auto& [from, to, view] : renamings) {
    const auto found = items_.find(from);
    moved.insert(from);
    if (to.empty()) continue;
    Item item = found == items_.end() ? Item{{}, from, {}, {}} : found->second;
    if (view != TensorView{}) item.views.push_back(view);
    if (absl::Status added = add(to, std::move(item)); !added.ok()) return added;
  }
  for (const auto& [name, item] : items_) {
    if (moved.contains(name)) continue;
    if (absl::Status added = add(name, item); !added.ok()) return added;
  }
  WeightMap map = std::move(*this);
  map.items_ = std::move(renamed);
  map.used_.clear();
  return map;
}

WeightMap WeightMap::Extract(const std::vector<std::string>& prefixes) {
  WeightMap part;
  part.sources_ = sources_;
  part.metadata_ = metadata_;
  part.files_ = files_;
  for (auto it = items_.begin(); it != items_.end();) {
    const auto here = it++;
    if (std::any_of(prefixes.begin(), prefixes.end(), [&here](const std::string& prefix) {
          return absl::StartsWith(here->first, prefix);
        })) {
      part.items_.insert(items_.extract(here));
    }
  }
  return part;
}

std::vector<std::string> WeightMap::names() const {
  std::vector<std::string> names;
  for (const auto& [name, item] : items_) {
    if (!item.absent()) names.push_back(name);
  }
  return names;
}

std::vector<std::string> WeightMap::Unused() const {
  std::vector<std::string> unused = names();
  std::erase_if(unused, [this](const std::string& name) { return used_.contains(name); });
  return unused;
}

const std::string& WeightMap::NameInFile(const std::string& name) const {
  return items_.at(name).name_in_file;
}

std::shared_ptr<const WeightOrigin> WeightMap::Origin() const {
  WeightOrigin origin{.files = sources_, .taken = {}};
  for (const std::string& name : used_) {
    const Item& item = items_.at(name);
    if (const auto* file = std::get_if<std::shared_ptr<const TensorFile>>(&item.data))
      origin.taken[(*file)->path()].insert(item.name_in_file);
  }
  return std::make_shared<const WeightOrigin>(std::move(origin));
}

}  // namespace draftp
