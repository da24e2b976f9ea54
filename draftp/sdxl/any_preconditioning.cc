#include "draftp/sdxl/any_preconditioning.h"

namespace draftp {

AnyPreconditioning::AnyPreconditioning(PredictionType type, const DdpmTable& table)
    : member_(type == PredictionType::kVPrediction ? decltype(member_)(DiscreteV(table))
                                                   : decltype(member_)(DiscreteEpsilon(table))) {}

Scaling AnyPreconditioning::At(double sigma) const {
  return std::visit([sigma](const auto& member) { return member.At(sigma); }, member_);
}

const DdpmTable& AnyPreconditioning::table() const {
  return std::visit([](const auto& member) -> const DdpmTable& { return member.table(); }, member_);
}

}  // namespace draftp
