#include "draftp/shard/watchdog.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <exception>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <utility>

namespace draftp {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr char kFailed[] = "failed";

std::string BeatKey(int rank) { return absl::StrCat("beat/", rank); }
Bytes ToBytes(const std::string& text) { return {text.begin(), text.end()}; }
std::string ToText(const Bytes& bytes) { return {bytes.begin(), bytes.end()}; }

double Seconds(std::chrono::steady_clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::chrono::milliseconds Milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(1000 * seconds));
}

std::string AtStep(int64_t step) { return step < 0 ? "the start" : absl::StrCat("step ", step); }

}  // namespace

Watchdog::Watchdog(c10::intrusive_ptr<c10d::Store> store, Options options)
    : store_(std::move(store)), options_(std::move(options)) {
  Beat();
  // Asked again and again, not waited for: a store's client is of no use after a time-out.
  const auto missing = [this] {
    std::vector<int> ranks;
    for (int rank = 0; rank < options_.size; ++rank) {
      if (!store_->check({BeatKey(rank)})) ranks.push_back(rank);
    }
    return ranks;
  };
  const Clock::time_point begin = Clock::now();
  for (std::vector<int> ranks; !(ranks = missing()).empty();) {
    TORCH_CHECK(Seconds(Clock::now() - begin) < options_.timeout,
                ranks.size() == 1 ? "rank " : "ranks ", absl::StrJoin(ranks, ", "), " of ",
                options_.size, " didn't come within ", options_.timeout, " s (--timeout)");
    std::this_thread::sleep_for(Milliseconds(0.05));
  }
  for (int rank = 0; rank < options_.size; ++rank) {
    if (rank != options_.rank) others_[rank] = {.place = {}, .changed = Clock::now()};
  }
  answered_at_ = Clock::now();
  talker_ = std::thread([this] { Talk(); });
  judge_ = std::thread([this] { Watch(); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stops_ = true;
  }
  changed_.notify_all();
  judge_.join();
  talker_.join();
  try {
    Beat();
  } catch (const std::exception&) {  // the store has gone, and whoever asks it hears of that
  }
}

void Watchdog::SetStep(int64_t step) {
  const std::lock_guard lock(mutex_);
  own_.step = step;
}

void Watchdog::Enter(const std::string& what) {
  const std::lock_guard lock(mutex_);
  ++own_.entered;
  own_.what = what;
}

void Watchdog::BeginWait(const std::string& what) {
  const std::lock_guard lock(mutex_);
  own_.waits = true;
  own_.what = what;
  waits_since_ = Clock::now();
}

void Watchdog::EndWait() {
  const std::lock_guard lock(mutex_);
  own_.waits = false;
}

bool Watchdog::Post(const std::string& message, int code) {
  const Bytes own = ToBytes(absl::StrCat(options_.rank, "\n", code, "\n", message));
  const std::lock_guard lock(store_mutex_);
  return store_->compareSet(kFailed, {}, own) == own;
}

void Watchdog::Suspect() {
  std::unique_lock lock(mutex_);
  suspects_ = true;
  changed_.notify_all();
  // The other threads wake this one at every beat; it goes on waiting for the process to end.
  changed_.wait_for(lock, Milliseconds(2 * options_.suspect + 4 * options_.beat),
                    [] { return false; });
}

void Watchdog::WaitForOthersToLeave() {
  std::unique_lock lock(mutex_);
  left_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, Milliseconds(options_.timeout),
                    [this] { return told_ || OthersHaveGone(); });
}

bool Watchdog::OthersHaveGone() const {
  return std::ranges::all_of(others_, [this, now = Clock::now()](const auto& other) {
    return other.second.place.left || Seconds(now - other.second.changed) > Patience();
  });
}

void Watchdog::Beat() {
  std::string text;
  {
    const std::lock_guard lock(mutex_);
    own_.left = stops_ || told_ || left_;
    text = absl::StrCat(++own_.beats, "\n", own_.entered, "\n", own_.step, "\n", own_.left ? 1 : 0,
                        "\n", own_.what);
  }
  const std::lock_guard lock(store_mutex_);
  store_->set(BeatKey(options_.rank), ToBytes(text));
}

void Watchdog::Look() {
  std::vector<std::string> keys;
  for (const auto& [rank, seen] : others_) keys.push_back(BeatKey(rank));
  std::string posted;
  std::vector<Bytes> beats;
  {
    const std::lock_guard lock(store_mutex_);
    beats = store_->multiGet(keys);
    if (store_->check({kFailed})) posted = ToText(store_->get(kFailed));
  }
  const std::lock_guard lock(mutex_);
  posted_ = posted;
  size_t i = 0;
  for (auto& [rank, seen] : others_) {
    const std::vector<std::string> fields = absl::StrSplit(ToText(beats[i++]), '\n');
    Place place;
    int left = 0;
    if (fields.size() < 5 || !absl::SimpleAtoi(fields[0], &place.beats) ||
        !absl::SimpleAtoi(fields[1], &place.entered) || !absl::SimpleAtoi(fields[2], &place.step) ||
        !absl::SimpleAtoi(fields[3], &left)) {
      continue;
    }
    place.left = left != 0;
    place.what = fields[4];
    if (place.beats != seen.place.beats) seen.changed = Clock::now();
    seen.place = std::move(place);
  }
}

std::string Watchdog::WhoIsGone(Clock::time_point now) const {
  const double limit = Patience();
  std::vector<int> gone;
  for (const auto& [rank, seen] : others_) {
    if (!seen.place.left && Seconds(now - seen.changed) > limit) gone.push_back(rank);
  }
  if (gone.empty()) return "";
  const Place& last = others_.at(gone.front()).place;
  return absl::StrFormat(
      "%s %s of %d %s gone or stopped: not heard of for %.0f s, last at %s%s; rank %d was %s %s",
      gone.size() == 1 ? "rank" : "ranks", absl::StrJoin(gone, ", "), options_.size,
      gone.size() == 1 ? "is" : "are", limit, AtStep(last.step),
      last.what.empty() ? "" : absl::StrCat(", ", last.what), options_.rank,
      own_.waits ? absl::StrCat("waiting in ", own_.what, " of") : "at", AtStep(own_.step));
}

std::string Watchdog::WhoIsMissing(Clock::time_point now) const {
  if (!own_.waits || Seconds(now - waits_since_) < options_.timeout) return "";
  std::vector<std::string> missing;
  for (const auto& [rank, seen] : others_) {
    if (seen.place.entered >= own_.entered) continue;
    missing.push_back(absl::StrCat("rank ", rank, " (at ", AtStep(seen.place.step),
                                   seen.place.what.empty() ? "" : ", ", seen.place.what, ")"));
  }
  return absl::StrFormat("rank %d of %d has waited %g s (--timeout) in %s of %s%s%s", options_.rank,
                         options_.size, options_.timeout, own_.what, AtStep(own_.step),
                         missing.empty() ? "" : " for ", absl::StrJoin(missing, ", "));
}

double Watchdog::Patience() const {
  const double patience = suspects_ ? options_.suspect : std::min(options_.lost, options_.timeout);
  return std::max(patience, 3 * options_.beat);
}

Watchdog::Verdict Watchdog::Judge() const {
  const Clock::time_point now = Clock::now();
  if (store_failed_ || Seconds(now - answered_at_) > Patience()) {
    return {.ends = true,
            .line = absl::StrFormat(
                "%s is gone or stopped, and with it the store in which ranks meet; rank %d of %d "
                "was at %s%s",
                options_.store_holder, options_.rank, options_.size, AtStep(own_.step),
                own_.what.empty() ? "" : absl::StrCat(", ", own_.what)),
            .store_answers = false};
  }
  if (!posted_.empty()) {
    const std::vector<std::string> fields = absl::StrSplit(posted_, absl::MaxSplits('\n', 2));
    int rank = -1, code = 1;
    if (fields.size() < 2 || !absl::SimpleAtoi(fields[0], &rank) ||
        !absl::SimpleAtoi(fields[1], &code)) {
      code = 1;
    }
    return {.ends = rank != options_.rank, .line = "", .known = true, .code = code};
  }
  // As of the store's last answer: since then nobody could be heard of.
  std::string line = WhoIsGone(answered_at_);
  if (line.empty()) line = WhoIsMissing(answered_at_);
  return {.ends = !line.empty(), .line = line};
}

void Watchdog::Talk() {
  const auto pause = [this] {
    std::unique_lock lock(mutex_);
    answered_at_ = Clock::now();
    changed_.notify_all();
    const bool leaves = left_;  // then it waits for the others' last signs alone
    const double interval = suspects_ ? options_.beat / 4 : options_.beat;
    changed_.wait_for(lock, Milliseconds(leaves ? options_.beat / 20 : interval),
                      [&] { return stops_ || told_ || left_ != leaves; });
    return !stops_ && !told_;
  };
  try {
    do {
      Beat();
      Look();
    } while (pause());
    Tell();
  } catch (const std::exception&) {
    const std::lock_guard lock(mutex_);
    store_failed_ = true;
    changed_.notify_all();
  }
}

void Watchdog::Tell() {
  Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    if (!verdict_) return;
    verdict = *verdict_;
  }
  // One rank says why: whoever found it first.
  const bool says = verdict.known || Post(verdict.line, verdict.code);
  Beat();
  if (options_.holds_store) LetOthersHear();
  const std::lock_guard lock(mutex_);
  if (!says) verdict_->line.clear();
  known_ = true;
  changed_.notify_all();
}

void Watchdog::LetOthersHear() {
  const Clock::time_point end = Clock::now() + Milliseconds(3 * options_.beat);
  while (Clock::now() < end) {
    Look();
    {
      const std::lock_guard lock(mutex_);
      if (OthersHaveGone()) return;
    }
    std::this_thread::sleep_for(Milliseconds(options_.beat / 20));
  }
}

// Beside the thread that talks, which a store that doesn't answer may keep for ever: it is asked to
// tell the others, and not waited for longer than that takes.
void Watchdog::Watch() {
  std::unique_lock lock(mutex_);
  while (!stops_) {
    const Verdict verdict = Judge();
    if (!verdict.ends || left_) {
      changed_.wait_for(lock, Milliseconds(options_.beat / 4));
      continue;
    }
    told_ = true;
    verdict_ = verdict;
    changed_.notify_all();
    if (verdict.store_answers) {
      changed_.wait_for(lock, Milliseconds(5 * options_.beat),
                        [this] { return known_ || store_failed_; });
    }
    const std::string line = verdict_->line;
    lock.unlock();
    options_.on_lost(line, verdict.code);
    return;
  }
}

}  // namespace draftp
