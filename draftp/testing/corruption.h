// Damaged variants of a file: shows that a reader of it ends in a named error or a legal result.
#ifndef DRAFTP_TESTING_CORRUPTION_H_
#define DRAFTP_TESTING_CORRUPTION_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace draftp::testing {

// `count` positions spread evenly over [begin, end), both ends among them; all where there are no
// more.
inline std::vector<size_t> SpreadPositions(size_t begin, size_t end, size_t count) {
  const size_t size = end - begin;
  std::vector<size_t> positions;
  if (size <= count) {
    for (size_t p = begin; p < end; ++p) positions.push_back(p);
  } else {
    for (size_t i = 0; i < count; ++i)
      positions.push_back(count == 1 ? begin : begin + i * (size - 1) / (count - 1));
  }
  return positions;
}

struct DamagePlan {
  size_t truncations = 100;  // half of them inside `text`, where that is less than the file
  size_t flips = 200;        // of one bit, within `text`; another bit each time
  size_t text = ~size_t{0};  // leading bytes that are header or text
  bool may_be_absent = false;
  bool may_be_empty = false;
  std::string named = {};  // what every error contains; empty: the file's path
};

struct DamageTally {
  size_t errors = 0;
  size_t legal = 0;            // of any variant
  size_t legal_truncated = 0;  // of those that were cut
};

// Damages the file at `path` (which lies in a folder of the test's own) in each way in turn, and
// calls `read`, which reads it as a user's file. Restores the file in the end.
class FileDamager {
 public:
  FileDamager(std::string path, DamagePlan plan, std::function<absl::Status()> read)
      : path_(std::move(path)), plan_(std::move(plan)), read_(std::move(read)) {
    std::ifstream in(path_, std::ios::binary);
    good_.assign(std::istreambuf_iterator<char>(in), {});
    if (plan_.named.empty()) plan_.named = path_;
    plan_.text = std::min(plan_.text, good_.size());
  }

  DamageTally Run() {
    EXPECT_GT(good_.size(), 0u) << path_ << ": is no file to damage";
    ReplaceByOtherThings();
    Restore();
    FlipBits();
    Truncate();
    Restore();
    EXPECT_TRUE(read_().ok()) << path_ << ": the whole file isn't legal";
    return tally_;
  }

 private:
  void Restore() const {
    std::filesystem::remove_all(path_);
    std::ofstream(path_, std::ios::binary) << good_;
  }

  void Check(const std::string& what, bool may_be_legal) {
    const absl::Status status = read_();
    const std::string message(status.message());
    (status.ok() ? tally_.legal : tally_.errors) += 1;
    if (status.ok()) {
      EXPECT_TRUE(may_be_legal) << path_ << " " << what << ": was read as if it were whole";
      return;
    }
    EXPECT_NE(message.find(plan_.named), std::string::npos) << what << ": " << message;
    EXPECT_LT(message.size(), 4096u + 1000u) << what;
    EXPECT_TRUE(std::none_of(message.begin(), message.end(),
                             [](unsigned char c) { return c < ' ' || c == 127; }))
        << what << ": " << message;
  }

  // What stands at the path isn't the file. Links to themselves can't be read by root either.
  void ReplaceByOtherThings() {
    const auto replace = [this](const std::string& what, const std::function<bool()>& make) {
      std::filesystem::remove_all(path_);
      ASSERT_TRUE(make()) << what;
      Check(what, what == "absent"  ? plan_.may_be_absent
                  : what == "empty" ? plan_.may_be_empty
                                    : false);
    };
    const char* path = path_.c_str();
    replace("absent", [] { return true; });
    replace("empty", [path] { return std::ofstream(path).good(); });
    replace("a folder", [path] { return mkdir(path, 0700) == 0; });
    replace("a link to itself", [path] { return symlink(path, path) == 0; });
    replace("a link to nothing", [path] { return symlink("/nowhere/at/all", path) == 0; });
    replace("a pipe", [path] { return mkfifo(path, 0600) == 0; });
    replace("an endless device", [path] { return symlink("/dev/zero", path) == 0; });
    if (geteuid() == 0) return;  // whom permissions don't stop
    replace("unreadable", [this, path] {
      Restore();
      return chmod(path, 0) == 0;
    });
  }

  void FlipBits() {
    const int file = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    ASSERT_GE(file, 0);
    int bit = 0;
    for (const size_t at : SpreadPositions(0, plan_.text, plan_.flips)) {
      bit = (bit + 3) % 8;
      const char bad = static_cast<char>(good_[at] ^ (1 << bit));
      ASSERT_EQ(pwrite(file, &bad, 1, static_cast<off_t>(at)), 1);
      Check("with bit " + std::to_string(bit) + " of byte " + std::to_string(at) + " flipped",
            true);
      ASSERT_EQ(pwrite(file, &good_[at], 1, static_cast<off_t>(at)), 1);
    }
    close(file);
  }

  void Truncate() {
    std::vector<size_t> lengths;
    if (plan_.text < good_.size()) {
      lengths = SpreadPositions(plan_.text, good_.size(), plan_.truncations / 2);
    }
    for (const size_t p : SpreadPositions(0, plan_.text, plan_.truncations - lengths.size()))
      lengths.push_back(p);
    std::sort(lengths.rbegin(), lengths.rend());  // so that the file only shrinks
    for (const size_t length : lengths) {
      ASSERT_EQ(truncate(path_.c_str(), static_cast<off_t>(length)), 0);
      const size_t legal = tally_.legal;
      Check("cut to " + std::to_string(length) + " bytes", length > 0 || plan_.may_be_empty);
      tally_.legal_truncated += tally_.legal - legal;
    }
  }

  std::string path_;
  DamagePlan plan_;
  std::function<absl::Status()> read_;
  std::string good_;
  DamageTally tally_;
};

// Leading bytes of a safetensors file that aren't data: a DamagePlan's `text`.
inline size_t SafetensorsHeaderBytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  uint64_t length = 0;
  in.read(reinterpret_cast<char*>(&length), sizeof(length));
  return sizeof(length) + length;
}

// Expects that `read` survives every damage to the file at `path`: each ends in an error of one
// printable line that has the path, or is legal; a file that is none must be an error.
//
//   ExpectSurvivesDamage(folder.Write("config.json", kGood), {},
//                        [&] { return ReadVaeConfig(folder / "config.json").status(); });
inline DamageTally ExpectSurvivesDamage(const std::string& path, DamagePlan plan,
                                        std::function<absl::Status()> read) {
  return FileDamager(path, std::move(plan), std::move(read)).Run();
}

// The same for a copy of `original`, which has its name and a folder of its own.
inline DamageTally ExpectCopySurvivesDamage(
    const std::string& original, DamagePlan plan,
    const std::function<absl::Status(const std::string& path)>& read) {
  std::string folder =
      std::filesystem::path(::testing::TempDir() + "/damaged_XXXXXX").lexically_normal();
  if (mkdtemp(folder.data()) == nullptr) {
    ADD_FAILURE() << folder << ": can't be made";
    return {};
  }
  const std::string path = folder / std::filesystem::path(original).filename();
  std::filesystem::copy_file(original, path);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  const DamageTally tally = ExpectSurvivesDamage(path, std::move(plan), [&] { return read(path); });
  std::filesystem::remove_all(folder);
  return tally;
}

}  // namespace draftp::testing

#endif  // DRAFTP_TESTING_CORRUPTION_H_
