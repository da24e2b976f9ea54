// The preconditioning that a checkpoint's prediction type asks for, chosen at run time.
#ifndef DRAFTP_SDXL_ANY_PRECONDITIONING_H_
#define DRAFTP_SDXL_ANY_PRECONDITIONING_H_

#include <variant>

#include "draftp/model/scheduler_config.h"
#include "draftp/sampling/preconditioning.h"

namespace draftp {

class AnyPreconditioning {
 public:
  AnyPreconditioning(PredictionType type, const DdpmTable& table);
  Scaling At(double sigma) const;
  const DdpmTable& table() const;

 private:
  std::variant<DiscreteEpsilon, DiscreteV> member_;
};

static_assert(Preconditioning<AnyPreconditioning>,
              "AnyPreconditioning does not satisfy Preconditioning");

}  // namespace draftp

#endif  // DRAFTP_SDXL_ANY_PRECONDITIONING_H_
