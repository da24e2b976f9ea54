// Which caption each sample of a training run takes. The standard library only.
#ifndef DRAFTP_TRAIN_CAPTION_ORDER_H_
#define DRAFTP_TRAIN_CAPTION_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "draftp/objective/step_random.h"

namespace draftp {

// The caption that sample g (its index over the whole run, all ranks together, counted from 0)
// takes: epochs of all `captions`, each in its own order, shuffled by (seed, epoch). A function of
// its arguments alone, so every rank, split into micro-batches or resume gives the same. No sample
// is dropped at the end of an epoch: a batch may span two.
//
// The order is Fisher and Yates' shuffle (Knuth, TAOCP 2, algorithm P) by
// StepRandom(seed, epoch, "caption_order"). The latest epoch's is kept (8 bytes a caption), so
// ascending samples are cheap; one thread at a time uses an object. Wrong arguments throw
// std::invalid_argument.
//
//   const CaptionOrder order(captions.size(), config.seed);
//   const std::string& caption = captions[order(step * global_batch + row)];
class CaptionOrder {
 public:
  // At least one caption.
  CaptionOrder(int64_t captions, uint64_t seed) : captions_(captions), seed_(seed) {
    if (captions >= 1) return;
    throw std::invalid_argument("CaptionOrder: found " + std::to_string(captions) +
                                " captions, expected at least 1");
  }

  // The caption, 0 to captions - 1, of sample >= 0.
  int64_t operator()(int64_t sample) const {
    const int64_t wanted = epoch(sample);
    if (wanted != kept_epoch_) Shuffle(wanted);
    return order_[static_cast<size_t>(sample % captions_)];
  }

  // How many times all captions were taken before sample >= 0.
  int64_t epoch(int64_t sample) const {
    if (sample >= 0) return sample / captions_;
    throw std::invalid_argument("CaptionOrder: found sample " + std::to_string(sample) +
                                ", expected at least 0");
  }

  int64_t captions() const { return captions_; }

 private:
  void Shuffle(int64_t epoch) const {
    kept_epoch_ = -1;  // until all is done
    order_.resize(static_cast<size_t>(captions_));
    std::iota(order_.begin(), order_.end(), int64_t{0});
    StepRandom random(seed_, epoch, "caption_order");
    for (int64_t last = captions_ - 1; last > 0; --last) {
      const int64_t chosen = random.Uniform(0, last);
      std::swap(order_[static_cast<size_t>(last)], order_[static_cast<size_t>(chosen)]);
    }
    kept_epoch_ = epoch;
  }

  int64_t captions_;
  uint64_t seed_;
  mutable int64_t kept_epoch_ = -1;
  mutable std::vector<int64_t> order_;  // of kept_epoch_
};

}  // namespace draftp

#endif  // DRAFTP_TRAIN_CAPTION_ORDER_H_
