// What an annealing run holds in memory, from shapes alone, and how much of it has to be on a GPU.
#ifndef DRAFTP_ANNEAL_ANNEAL_MEMORY_H_
#define DRAFTP_ANNEAL_ANNEAL_MEMORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/compute_device.h"
#include "draftp/schedule/noise_levels.h"
#include "draftp/sdxl/offload_model.h"
#include "draftp/sdxl/sdxl_model.h"

namespace draftp {

// What is drawn, and with what.
struct AnnealWork {
  const AnnealConfig& config;
  const AnnealPlan& plan;
  const ComputeDevice& device;
  const SdxlModel& model;
  const NoiseSchedule& schedule;
  ImageSize size;

  // The type that evaluates most networks, which is the one that needs most memory.
  const Blend& Heaviest() const;
};

// Bytes.
struct AnnealMemory {
  int64_t base_unet = 0, tuned_unets = 0, decoder = 0, text_encoders = 0;  // weights
  int64_t blocks = 0, largest_block = 0;  // of the UNets' weights what kSmall moves to the host
  int64_t kept = 0;    // of a batch: keys and values of its prompts, what libraries hold
  int64_t call = 0;    // what a call of the UNet works in
  int64_t decode = 0;  // what the decoder works in

  int64_t weights(MemoryMode mode) const;
  // The most that a GPU has in use at a time, peak_device_memory_mib of run.json. All weights are
  // there once, when they are loaded.
  int64_t OnGpu(MemoryMode mode) const;
  // What a GPU must have: a recorded call keeps what it works in.
  int64_t NeededOfGpu(MemoryMode mode) const;
};

AnnealMemory EstimateMemory(const AnnealWork& work);

// How a run shares a GPU out.
struct MemoryChoice {
  MemoryMode mode = MemoryMode::kFast;
  AnnealMemory memory = {};
  int64_t available = 0;  // bytes of the GPU before anything was loaded; 0 on a CPU

  // `named`: --memory. auto: the first mode that fits, else the last.
  static MemoryChoice Of(const std::string& named, const AnnealMemory& memory, int64_t available);
};

// What auto has taken, where that isn't kFast, or that the flag has no effect on a CPU; else empty.
std::string MemoryNotice(const std::string& named, const MemoryChoice& choice);

// After a GPU had too little memory: which flags take less, as the end of an error's line.
std::string WhatTakesLessMemory(const MemoryChoice& choice, int64_t batch_size);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_MEMORY_H_
