// Parses JSON under limits and converts its values with errors that name file and key.
#include "draftp/io/json_file.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "draftp/io/printable.h"
#include "draftp/io/read_file.h"

namespace draftp {
namespace {

using Json = nlohmann::json;

// First pass over a text: syntax, depth and duplicate keys, without building anything.
class Checker {
 public:
  const std::string& message() const { return message_; }

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(int64_t) { return true; }
  bool number_unsigned(uint64_t) { return true; }
  bool number_float(double, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(Json::binary_t&) { return true; }
  bool start_object(size_t) {
    keys_.emplace_back();
    return Descend();
  }
  bool end_object() {
    keys_.pop_back();
    --depth_;
    return true;
  }
  bool start_array(size_t) { return Descend(); }
  bool end_array() {
    --depth_;
    return true;
  }
  bool key(std::string& value) {
    if (keys_.back().insert(value).second) return true;
    message_ = absl::StrCat("key ", Quoted(value), ": found twice, expected once");
    return false;
  }
  bool parse_error(size_t, const std::string&, const Json::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    std::string_view what = error.what();
    if (const size_t end = what.find("] "); end != std::string_view::npos)
      what.remove_prefix(end + 2);
    message_ = absl::StrCat("isn't valid JSON: ", Printable(what));
    return false;
  }

 private:
  bool Descend() {
    if (++depth_ <= kMaxJsonDepth) return true;
    message_ = absl::StrCat("found nesting deeper than ", kMaxJsonDepth, ", expected at most that");
    return false;
  }

  std::vector<std::set<std::string>> keys_;
  int depth_ = 0;
  std::string message_;
};

// Each converts a value, or leaves `out` alone and returns the name of the type it expected.
const char* Convert(const Json& value, int64_t& out) {
  constexpr const char* kExpected = "an integer of 64 bits";
  if (!value.is_number_integer()) return kExpected;
  if (value.is_number_unsigned() &&
      value.get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return kExpected;
  }
  out = value.get<int64_t>();
  return nullptr;
}

const char* Convert(const Json& value, double& out) {
  if (!value.is_number()) return "a number";
  out = value.get<double>();
  return nullptr;
}

const char* Convert(const Json& value, bool& out) {
  if (!value.is_boolean()) return "true or false";
  out = value.get<bool>();
  return nullptr;
}

const char* Convert(const Json& value, std::string& out) {
  if (!value.is_string()) return "text";
  out = value.get<std::string>();
  return nullptr;
}

const char* ListOf(int64_t) { return "a list of integers"; }
const char* ListOf(double) { return "a list of numbers"; }
const char* ListOf(bool) { return "a list of true or false"; }
const char* ListOf(const std::string&) { return "a list of texts"; }

template <class T>
const char* Convert(const Json& value, std::vector<T>& out) {
  if (!value.is_array()) return ListOf(T{});
  std::vector<T> list;
  for (const Json& item : value) {
    T element{};
    if (Convert(item, element) != nullptr) return ListOf(T{});
    list.push_back(std::move(element));
  }
  out = std::move(list);
  return nullptr;
}

// Python's numbers without a form in JSON, outside of strings, in quotes.
std::string QuoteNonFinite(std::string_view text) {
  std::string out;
  bool in_string = false;
  while (!text.empty()) {
    size_t length = in_string && text[0] == '\\' ? std::min<size_t>(2, text.size()) : 1;
    if (text[0] == '"') in_string = !in_string;
    std::string_view found;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (!in_string && text.starts_with(word)) found = word;
    }
    if (!found.empty()) length = found.size();
    const char* const quote = found.empty() ? "" : "\"";
    out.append(quote).append(text.substr(0, length)).append(quote);
    text.remove_prefix(length);
  }
  return out;
}

std::string Show(const Json& value) {
  return Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

}  // namespace

absl::StatusOr<Json> ParseJson(const std::string& source, std::string_view text) {
  const std::string where = Printable(source, 4096);
  // The lexer takes a null byte for the end of the text.
  if (const size_t null = text.find('\0'); null != std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": isn't valid JSON: null byte at ", null));
  }
  Checker checker;
  if (!Json::sax_parse(text.begin(), text.end(), &checker)) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", checker.message()));
  }
  return Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
}

absl::StatusOr<Json> ReadJsonFile(const std::string& path, int64_t max_bytes) {
  const absl::StatusOr<std::string> text = ReadFile(path, max_bytes);
  if (!text.ok()) return text.status();
  return ParseJson(path, *text);
}

absl::StatusOr<JsonReader> JsonReader::Open(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path, kMaxConfigBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<Json> json = ParseJson(path, QuoteNonFinite(*text));
  if (!json.ok()) return json.status();
  JsonReader reader(path, *std::move(json));
  if (!reader.status().ok()) return reader.status();
  return reader;
}

JsonReader::JsonReader(std::string source, Json object)
    : source_(std::move(source)), object_(std::move(object)) {
  if (object_.is_object()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat(Printable(source_, 4096), ": found ",
                                                    Show(object_), ", expected a JSON object"));
  object_ = Json::object();
}

void JsonReader::Fail(const std::string& key, const std::string& what) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat(Printable(source_, 4096), ": key ", Quoted(key), ": ", what));
}

const Json* JsonReader::Find(const std::string& key) {
  used_.insert(key);
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

bool JsonReader::Has(const std::string& key) const {
  const auto found = object_.find(key);
  return found != object_.end() && !found->is_null();
}

void JsonReader::Ignore(std::initializer_list<std::string> keys) { used_.insert(keys); }

std::vector<std::string> JsonReader::Unknown() const {
  std::vector<std::string> unknown;
  for (const auto& [key, value] : object_.items()) {
    if (!used_.contains(key)) unknown.push_back(key);
  }
  return unknown;
}

template <class T>
std::optional<T> JsonReader::Get(const std::string& key, bool required, bool null_is_absent) {
  const Json* value = Find(key);
  if (value != nullptr && !(null_is_absent && value->is_null())) {
    T out{};
    const char* const expected = Convert(*value, out);
    if (expected == nullptr) return out;
    Fail(key, absl::StrCat("found ", Show(*value), ", expected ", expected));
  } else if (required) {
    Fail(key, "found nothing, expected it to be there");
  }
  return std::nullopt;
}

template <class T>
T JsonReader::Value(const std::string& key, std::optional<T> fallback) {
  std::optional<T> value =
      Get<T>(key, /*required=*/!fallback.has_value(), /*null_is_absent=*/false);
  if (value.has_value()) return *std::move(value);
  return fallback.has_value() ? *std::move(fallback) : T{};
}

int64_t JsonReader::Int(const std::string& key, std::optional<int64_t> fallback) {
  return Value<int64_t>(key, fallback);
}

int64_t JsonReader::IntBetween(const std::string& key, int64_t low, int64_t high,
                               std::optional<int64_t> fallback) {
  const int64_t value = Value<int64_t>(key, fallback);
  if (status_.ok() && (value < low || value > high)) {
    Fail(key, absl::StrCat("found ", value, ", expected ", low, " to ", high));
  }
  return value < low ? low : value > high ? high : value;
}

double JsonReader::Double(const std::string& key, std::optional<double> fallback) {
  return Value<double>(key, fallback);
}

bool JsonReader::Bool(const std::string& key, std::optional<bool> fallback) {
  return Value<bool>(key, fallback);
}

std::string JsonReader::String(const std::string& key, std::optional<std::string> fallback) {
  return Value<std::string>(key, std::move(fallback));
}

std::vector<int64_t> JsonReader::IntList(const std::string& key,
                                         std::optional<std::vector<int64_t>> fallback) {
  return Value<std::vector<int64_t>>(key, std::move(fallback));
}

std::vector<double> JsonReader::DoubleList(const std::string& key,
                                           std::optional<std::vector<double>> fallback) {
  return Value<std::vector<double>>(key, std::move(fallback));
}

std::vector<bool> JsonReader::BoolList(const std::string& key,
                                       std::optional<std::vector<bool>> fallback) {
  return Value<std::vector<bool>>(key, std::move(fallback));
}

std::vector<std::string> JsonReader::StringList(const std::string& key,
                                                std::optional<std::vector<std::string>> fallback) {
  return Value<std::vector<std::string>>(key, std::move(fallback));
}

template <class T>
std::vector<T> JsonReader::Spread(const std::string& key, size_t count, std::optional<T> fallback) {
  const auto found = object_.find(key);
  if (found == object_.end() || !found->is_array()) {
    return std::vector<T>(count, Value<T>(key, fallback));
  }
  std::vector<T> list = Value<std::vector<T>>(key, std::nullopt);
  if (status_.ok() && list.size() != count) {
    Fail(key, absl::StrCat("found ", list.size(), " values, expected ", count));
  }
  list.resize(count);
  return list;
}

std::vector<int64_t> JsonReader::IntOrIntList(const std::string& key, size_t count,
                                              std::optional<int64_t> fallback) {
  return Spread<int64_t>(key, count, fallback);
}

std::vector<bool> JsonReader::BoolOrBoolList(const std::string& key, size_t count,
                                             std::optional<bool> fallback) {
  return Spread<bool>(key, count, fallback);
}

std::optional<int64_t> JsonReader::OptionalInt(const std::string& key) {
  return Get<int64_t>(key, false, true);
}

std::optional<double> JsonReader::OptionalDouble(const std::string& key) {
  return Get<double>(key, false, true);
}

std::optional<std::string> JsonReader::OptionalString(const std::string& key) {
  return Get<std::string>(key, false, true);
}

std::optional<std::vector<double>> JsonReader::OptionalDoubleList(const std::string& key) {
  return Get<std::vector<double>>(key, false, true);
}

}  // namespace draftp
