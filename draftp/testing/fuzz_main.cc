// Runs a fuzz target without libFuzzer: on each file of a corpus, then on a fixed number of
// mutations of them, the same in every run.
//
//   x_fuzz_test [--mutations=N] FOLDER
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "draftp/testing/fuzz.h"

namespace {

constexpr unsigned kSecondsPerInput = 30;
constexpr size_t kLongest = 1 << 16;

const std::string* current = nullptr;  // the input in progress, for the handler

void PrintInputAndDie(int signal_number) {
  static const char kHead[] = "\nthe target ended on this input:\n";
  for (const std::string_view text : {std::string_view(kHead), std::string_view(*current)}) {
    if (write(STDERR_FILENO, text.data(), text.size()) < 0) break;
  }
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void Run(const std::string& input) {
  current = &input;
  alarm(kSecondsPerInput);
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
  alarm(0);
}

std::vector<std::string> ReadCorpus(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_directory()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> corpus;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string Next() {
    std::string text = corpus_[Below(corpus_.size())];
    for (size_t n = 1 + Below(4); n > 0; --n) Change(text);
    if (text.size() > kLongest) text.resize(kLongest);
    return text;
  }

 private:
  // Not std::uniform_int_distribution, which differs by library.
  size_t Below(size_t limit) { return limit == 0 ? 0 : random_() % limit; }

  void Change(std::string& text) {
    static constexpr std::string_view kSyntax = "{}[]()<>\"'\\:,;.@#&*!|%?/_ \t\r\n0123456789eE+-~";
    const size_t at = Below(text.size());
    const size_t length = Below(std::min<size_t>(text.size() - at, 40) + 1);
    const std::string& other = corpus_[Below(corpus_.size())];
    const size_t from = Below(other.size());
    switch (Below(8)) {
      case 0:
        if (!text.empty()) text[at] = static_cast<char>(text[at] ^ (1 << Below(8)));
        break;
      case 1:
        if (!text.empty()) text[at] = kSyntax[Below(kSyntax.size())];
        break;
      case 2:
        text.insert(at, 1, kSyntax[Below(kSyntax.size())]);
        break;
      case 3:
        text.erase(at, length);
        break;
      case 4:
        text.insert(at, text.substr(at, length));
        break;
      case 5:
        text.replace(at, length, other.substr(from, Below(80)));
        break;
      case 6:
        text = text.substr(0, at) + other.substr(from);
        break;
      default:
        text.insert(at, 1, static_cast<char>(Below(256)));
    }
  }

  const std::vector<std::string>& corpus_;
  std::mt19937_64 random_{20};
};

}  // namespace

int main(int argc, char** argv) {
  size_t mutations = 5000;
  std::string folder;
  for (const std::string_view argument : std::vector<std::string_view>(argv + 1, argv + argc)) {
    constexpr std::string_view kFlag = "--mutations=";
    if (argument.starts_with(kFlag)) {
      mutations = std::strtoull(argument.substr(kFlag.size()).data(), nullptr, 10);
    } else {
      folder = argument;
    }
  }
  const std::vector<std::string> corpus = ReadCorpus(folder);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: found no corpus, expected a file at least\n", folder.c_str());
    return 1;
  }
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM})
    signal(number, PrintInputAndDie);
  for (const std::string& input : corpus) Run(input);
  Mutator mutator(corpus);
  for (size_t i = 0; i < mutations; ++i) Run(mutator.Next());
  std::printf("%zu inputs and %zu mutations\n", corpus.size(), mutations);
}
