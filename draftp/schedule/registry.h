// Registry: a family's members that are chosen by name, in one list.
#ifndef DRAFTP_SCHEDULE_REGISTRY_H_
#define DRAFTP_SCHEDULE_REGISTRY_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace draftp {

// One member: how it is made from the family's argument, and what is to be known before.
template <class Made, class Argument>
struct Registered {
  std::string_view name;
  Made (*make)(const Argument&);
  std::string_view options = {};   // what it takes of the family's options, separated by spaces
  std::string_view original = {};  // the original's class of the same, or its value
  std::string_view web_ui = {};    // the name of the same in AUTOMATIC1111's WebUI
};

// The list of a variant's alternatives, each with what it says of itself: kName, Make(argument),
// and where there are any kOptions, kOriginal and kWebUi.
template <class Variant, class Argument>
struct Alternatives;
template <class... Members, class Argument>
struct Alternatives<std::variant<Members...>, Argument> {
  using Made = std::variant<Members...>;

  template <class M>
  static constexpr Registered<Made, Argument> Describe() {
    Registered<Made, Argument> described{
        M::kName, [](const Argument& argument) -> Made { return M::Make(argument); }};
    if constexpr (requires { M::kOptions; }) described.options = M::kOptions;
    if constexpr (requires { M::kOriginal; }) described.original = M::kOriginal;
    if constexpr (requires { M::kWebUi; }) described.web_ui = M::kWebUi;
    return described;
  }
  static constexpr Registered<Made, Argument> kMembers[] = {Describe<Members>()...};
};

// A new member is a line of the list. Families whose members have parameters in their text have
// forms instead (form.h).
//   constexpr Registry kSamplers(Alternatives<AnySampler::Member, SamplerOptions>::kMembers);
template <class Made, class Argument>
class Registry {
 public:
  using Member = Registered<Made, Argument>;

  template <std::size_t N>
  explicit constexpr Registry(const Member (&members)[N]) : members_(members) {}

  const Member* begin() const { return members_.data(); }
  const Member* end() const { return members_.data() + members_.size(); }

  // Null for a name that isn't there.
  const Member* Find(std::string_view name) const {
    for (const Member& member : members_) {
      if (member.name == name) return &member;
    }
    return nullptr;
  }

  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Member& member : members_) names.emplace_back(member.name);
    return names;
  }

  // `a, b, c`, for messages.
  std::string List() const { return Joined(Names(), ", "); }

  // Whether the member of that name takes an option; false for a name that isn't there.
  bool Takes(std::string_view name, std::string_view option) const {
    const Member* const member = Find(name);
    return member != nullptr && Has(member->options, option);
  }

  // Who takes an option: `a`, `a and b`, `a, b and c`.
  std::string TakersOf(std::string_view option) const {
    std::vector<std::string> takers;
    for (const Member& member : members_) {
      if (Has(member.options, option)) takers.emplace_back(member.name);
    }
    if (takers.size() < 2) return Joined(takers, "");
    const std::string last = takers.back();
    takers.pop_back();
    return Joined(takers, ", ") + " and " + last;
  }

 private:
  static bool Has(std::string_view words, std::string_view word) {
    while (!words.empty()) {
      const std::size_t end = words.find(' ');
      if (words.substr(0, end) == word) return true;
      words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
    }
    return false;
  }

  static std::string Joined(const std::vector<std::string>& items, std::string_view separator) {
    std::string list;
    for (const std::string& item : items) list.append(list.empty() ? "" : separator).append(item);
    return list;
  }

  std::span<const Member> members_;
};

}  // namespace draftp

#endif  // DRAFTP_SCHEDULE_REGISTRY_H_
