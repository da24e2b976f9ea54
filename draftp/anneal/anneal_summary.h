// What an annealing run says before its first picture and after its last.
#ifndef DRAFTP_ANNEAL_ANNEAL_SUMMARY_H_
#define DRAFTP_ANNEAL_ANNEAL_SUMMARY_H_

#include <cstdint>
#include <string>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/run/compute_device.h"

namespace draftp {

// `draws 8 prompts with 2 weight types (base, draft): 16 pictures of 128x128, 25 steps each, 1 at
// once, on cpu in float32`; of several ranks, `..., by 4 processes` (DescribeProcesses)
std::string DescribeDrawing(const AnnealConfig& config, const AnnealPlan& plan, ImageSize size,
                            const ComputeDevice& device);

// `15 pictures and overview.png in out`; where an earlier run's were kept, both numbers.
std::string DescribeDrawn(int64_t drawn, int64_t kept, const std::string& output_dir);

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_SUMMARY_H_
